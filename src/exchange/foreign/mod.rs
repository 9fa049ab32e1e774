//! Experiments of other programs, converted to the files of a folder. Whatever is not taken over is listed with its
//! place; nothing is dropped in silence.
//!
//! | file | come here to … |
//! |---|---|
//! | `made` | see what a converter returns, and the rules that all share |
//! | `chatarena` | convert an arena of ChatArena |

mod chatarena;
mod made;

pub use made::{Foreign, Unfit};

use serde_json::Value as Json;

/// Converts the text of a file.
///
/// # Errors
/// The text is no JSON object of a program that convoke knows, or it lacks what an experiment needs.
pub fn convert(text: &str) -> Result<Foreign, Unfit> {
    let known = "known are the arenas of ChatArena; a folder holds experiment.toml";
    let json: Json = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Unfit::new(format!("it is not JSON: {error}"), known))?;
    let Json::Object(object) = json else { return Err(Unfit::new("it is no JSON object", known)) };
    match object.get("type").and_then(Json::as_str) {
        Some("TinyPerson") => {
            let hint = "copy it into `people/` of an experiment, and name it under `people` of a role";
            return Err(Unfit::new("it is a person of TinyTroupe, which needs no import: it is read as it is", hint));
        }
        Some("Fragment") => {
            let hint = "copy it into `people/` of an experiment, and name it under `fragments` of a role";
            return Err(Unfit::new("it is a fragment of TinyTroupe, which needs no import: it is read as it is", hint));
        }
        Some(_) | None => {}
    }
    if object.contains_key("players") {
        return chatarena::convert(&object);
    }
    Err(Unfit::new("its keys are those of no program whose experiments can be imported", known))
}
