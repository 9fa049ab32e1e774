//! Facts about a model, looked up before its first call.

use super::parameters::CONTEXT;
use serde::Serialize;

/// Facts about a model; all of them come from Ollama, and other servers leave them empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ModelFacts {
    /// Ollama's digest.
    pub digest: Option<String>,
    /// The longest context that the model was made for, in tokens.
    pub context: Option<u32>,
    /// The context that the model's author set (`PARAMETER num_ctx`).
    pub num_ctx: Option<u32>,
    /// The model's own parameters, one per line, as Ollama shows them.
    pub parameters: String,
    /// Quantization, such as `Q4_K_M`.
    pub quantization: Option<String>,
}

impl ModelFacts {
    /// Returns the context to request if the researcher set none: 10,000, or the author's or the model's if that is
    /// smaller.
    pub fn default_context(&self) -> u32 {
        [self.num_ctx, self.context].into_iter().flatten().fold(CONTEXT, u32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_asked_for() {
        let known = |context, num_ctx| ModelFacts { context, num_ctx, ..ModelFacts::default() }.default_context();
        assert_eq!(known(None, None), 10_000);
        assert_eq!(known(Some(4096), None), 4096);
        assert_eq!(known(Some(131_072), None), 10_000);
        assert_eq!(known(Some(131_072), Some(32_768)), 10_000);
        assert_eq!(known(Some(131_072), Some(2048)), 2048);
        assert_eq!(known(Some(4096), Some(32_768)), 4096);
    }
}
