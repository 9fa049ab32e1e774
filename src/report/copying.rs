//! The bar of a copy from one database to another.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws the bar.
pub struct Copying {
    bar: ProgressBar,
    escape: fn(&str) -> String,
}

impl Copying {
    /// Creates a bar on standard error. `escape` is applied to every text from outside the program.
    pub fn new(escape: fn(&str) -> String) -> Self {
        let style = ProgressStyle::with_template("{bar:18} {pos}/{len} conversations · {wide_msg}");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
        // The template is fixed. If it were wrong, the default style would replace it.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
        Self { bar, escape }
    }

    /// Shows the experiment being copied, and the number of conversations copied so far.
    pub fn at(&self, experiment: &str, done: u64, known: u64) {
        self.bar.set_length(known);
        self.bar.set_position(done);
        self.bar.set_message((self.escape)(experiment));
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
