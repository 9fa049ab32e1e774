//! Copying everything from one database to another.

use super::error::LabError;
use super::setup::Lab;
use crate::exchange::copy::{self, Copied, Progress};

impl Lab {
    /// Copies everything that `to` lacks. After an interruption, another call continues the copy. `copied` counts
    /// meanwhile.
    pub async fn copy_to(
        &self,
        to: &Self,
        report: &mut (dyn FnMut(Progress<'_>) + Send),
        copied: &mut Copied,
    ) -> Result<(), LabError> {
        Ok(copy::copy(&*self.store, &*to.store, report, copied).await?)
    }
}
