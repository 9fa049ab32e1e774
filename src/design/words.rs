//! Enums with words in files and databases. Each variant, its word and its line of help are written once.

/// Defines an enum whose variants have words. A variant's comment is its line of help.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $(#[doc = $line:literal] $(#[$attribute:ident])? $variant:ident = $word:literal),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $(#[doc = $line] $(#[$attribute])? #[serde(rename = $word)] $variant),* }

        impl $name {
            /// All variants, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The words of all variants, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Returns the word in files and databases.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Finds the variant that has this word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }

            /// Returns the variant's line of help, as a part of a sentence.
            pub fn line(self) -> String {
                let line = match self { $(Self::$variant => $line),* }.trim().trim_end_matches('.');
                let mut letters = line.chars();
                letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;
