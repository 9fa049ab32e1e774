//! Server-sent events, read as the standard has it; and fields of a line that is not parsed yet.

use super::tolerant::parse_json;

/// Size of an event's data, in bytes, up to which a missing blank line is looked for.
const LOOKED_AT: usize = 65_536;

/// An event.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Event {
    /// Its name, which may be empty.
    pub(super) name: String,
    /// Its data lines, joined by newlines.
    pub(super) data: String,
    /// True if the text ends inside its last line.
    pub(super) is_cut: bool,
}

/// Reads the events that have data. A blank line ends an event; where a server leaves it out, the next data line does,
/// if the data so far is whole. A line without a field's name is an event of its own if it may hold data.
pub(super) fn read_events(text: &str) -> Vec<Event> {
    let text = text.replace("\r\n", "\n");
    let (mut events, mut open) = (Vec::new(), Event::default());
    let mut close = |open: &mut Event| events.extend(Some(std::mem::take(open)).filter(|e| !e.data.is_empty()));
    for line in text.split_inclusive(['\n', '\r']) {
        let is_cut = !line.ends_with(['\n', '\r']);
        // A byte-order mark or a blank before a field is no part of its name.
        let line = line.trim_start_matches(['\u{feff}', ' ', '\t']).trim_end();
        let (field, value) = line.split_once(':').map_or((line, ""), |(field, value)| (field, value.trim()));
        match field {
            "" if line.is_empty() => close(&mut open),
            "data" => {
                if is_whole(&open.data) {
                    close(&mut open);
                }
                open.add_data(value, is_cut);
            }
            "event" => value.clone_into(&mut open.name),
            "" | "id" | "retry" => {}
            _ if line.starts_with('{') || line.contains("data:") => {
                close(&mut open);
                close(&mut Event { data: line.to_owned(), ..Event::default() });
            }
            _ => {}
        }
    }
    close(&mut open);
    events
}

fn is_whole(data: &str) -> bool {
    data == "[DONE]" || data.ends_with(['}', ']']) && data.len() < LOOKED_AT && parse_json(data).is_ok()
}

impl Event {
    fn add_data(&mut self, line: &str, is_cut: bool) {
        if !self.data.is_empty() {
            self.data.push('\n');
        }
        self.data.push_str(line);
        self.is_cut = is_cut;
    }
}

/// Returns the bytes from each value of a JSON field on. A quoted name inside a text has its quotes escaped.
pub(super) fn field_values<'a>(line: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    let quoted = format!("\"{name}\"");
    let behind = (0..line.len()).filter_map(move |at| line.get(at..)?.strip_prefix(quoted.as_bytes()));
    behind.filter_map(|rest| Some(rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_many_servers() {
        for text in [
            "data: {\"a\": 1}\n\ndata: [DONE]\n\n",
            "\u{feff}data: {\"a\": 1}\r\n\r\ndata:[DONE]\r\n\r\n",
            "data: {\ndata: \"a\": 1}\n\ndata: [DONE]\n",
            "data: {\rdata: \"a\":\rdata: 1}\r\rdata: [DONE]\r",
            ": ping\n\nid: 1\nretry: 3\ndata: {\"a\": 1}\ndata: [DONE]\n",
            " data: {\"a\": 1}\n\u{feff}\n\tdata: [DONE]",
            "{\"a\": 1}\nodd\ndata: [DONE]\n\n",
        ] {
            let data: Vec<String> = read_events(text).iter().map(|event| event.data.replace([' ', '\n'], "")).collect();
            assert_eq!(data, ["{\"a\":1}", "[DONE]"], "{text:?}");
        }
        let named = read_events("event: error\ndata: {}\n\nevent: x\n\nxdata: {}\ndata: {\"cu");
        let read: Vec<_> = named.iter().map(|e| (e.name.as_str(), e.data.as_str(), e.is_cut)).collect();
        assert_eq!(read, [("error", "{}", false), ("", "xdata: {}", false), ("", "{\"cu", true)]);
    }

    #[test]
    fn fields_of_a_line() {
        let line = br#"{"a":"\"done\":true","done" : true,"b":{"done":null}}"#;
        let values: Vec<_> = field_values(line, "done").map(|v| v[0]).collect();
        assert_eq!(values, [b't', b'n']);
    }
}
