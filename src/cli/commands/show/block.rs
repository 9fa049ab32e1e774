//! Text in a block of its own, set in and wrapped.

use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::wrap;
use std::io;

/// Text of a model or a person, each line behind an indent, wrapped where there is a terminal.
pub fn block(printer: &Printer, text: &str, indent: &str, look: Look) -> io::Result<()> {
    // Made harmless before it is measured: what is shown instead of a character is wider than it.
    let text = crate::process::harmless::harmless(text);
    for line in wrap(&text, printer.width().map(|w| w.saturating_sub(indent.len()))) {
        let indent = if line.is_empty() { indent.trim_end() } else { indent };
        printer.pieces(&[Piece(indent, Look::Dim), Piece(&line, look)])?;
    }
    Ok(())
}
