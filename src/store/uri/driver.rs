//! Reading of addresses and of errors by the MongoDB driver. This module sends nothing.

use ::mongodb::error::{Error, ErrorKind};
use ::mongodb::options::ConnectionString;

/// Fails, with the reason, if the driver cannot read an address.
pub fn check_address(address: &str) -> Result<(), String> {
    ConnectionString::parse(address).map(drop).map_err(|e| error_text(&e))
}

/// Returns the message of an error without the text that the driver adds around it.
pub fn error_text(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::Io(e) => e.to_string(),
        ErrorKind::Command(e) => format!("{} (code {})", e.message, e.code),
        ErrorKind::InvalidArgument { message, .. } | ErrorKind::DnsResolve { message, .. } => message.clone(),
        kind => kind.to_string(),
    }
}
