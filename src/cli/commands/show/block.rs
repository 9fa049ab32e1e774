//! Text as an indented and wrapped block.

use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::wrap;
use std::io;

/// Prints text of a model or a person with an indent, wrapped on a terminal.
pub fn block(printer: &Printer, text: &str, indent: &str, look: Look) -> io::Result<()> {
    // Escaping precedes measuring, since an escape is wider than its character.
    let text = crate::process::harmless::harmless(text);
    for line in wrap(&text, printer.width().map(|w| w.saturating_sub(indent.len()))) {
        let indent = if line.is_empty() { indent.trim_end() } else { indent };
        printer.pieces(&[Piece(indent, Look::Dim), Piece(&line, look)])?;
    }
    Ok(())
}
