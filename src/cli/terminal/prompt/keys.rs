//! Keys of a person, read one by one. A key code that arrives in parts is not mistaken for Esc.

use console::Key;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Milliseconds after which the size of the window is looked at again.
const LOOK: u16 = 100;
/// Milliseconds to wait for the rest of a key code, since it begins like Esc.
const REST: u16 = 50;

/// Input of a terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// No key for a moment.
    Nothing,
}

/// Reads the next byte; `None` if there is none within the given milliseconds.
type NextByte<'a> = &'a mut dyn FnMut(u16) -> io::Result<Option<u8>>;

/// Reads a key.
fn read_key(next: NextByte<'_>) -> io::Result<Input> {
    let Some(first) = next(LOOK)? else { return Ok(Input::Nothing) };
    let key = match first {
        0x1b => return read_code(next),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        0x01 => Key::Home,
        0x05 => Key::End,
        0x03 => return Err(io::ErrorKind::Interrupted.into()),
        0..=0x7f => Key::Char(char::from(first)),
        0x80.. => read_letter(first, next)?,
    };
    Ok(Input::Key(key))
}

/// Reads the rest of a letter that is more than one byte.
fn read_letter(first: u8, next: NextByte<'_>) -> io::Result<Key> {
    let number = first.leading_ones().clamp(2, 4);
    let mut bytes = vec![first];
    while bytes.len() < number as usize {
        let Some(byte) = next(REST)? else { break };
        bytes.push(byte);
    }
    let letter = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
    Ok(letter.map_or(Key::Unknown, Key::Char))
}

/// Reads the rest of a code that begins like Esc. A code without a meaning here is skipped whole.
fn read_code(next: NextByte<'_>) -> io::Result<Input> {
    let mut code = Vec::new();
    while let Some(byte) = next(REST)? {
        code.push(char::from(byte));
        let is_whole = match code.as_slice() {
            ['[' | 'O'] => false,
            ['[', .., last] => ('@'..='~').contains(last),
            _ => true,
        };
        if is_whole {
            break;
        }
    }
    let key = match code.as_slice() {
        // Esc twice is what an impatient person presses.
        [] | ['\u{1b}'] => Key::Escape,
        ['[' | 'O', 'A'] => Key::ArrowUp,
        ['[' | 'O', 'B'] => Key::ArrowDown,
        ['[' | 'O', 'C'] => Key::ArrowRight,
        ['[' | 'O', 'D'] => Key::ArrowLeft,
        ['[' | 'O', 'H'] | ['[', '1' | '7', '~'] => Key::Home,
        ['[' | 'O', 'F'] | ['[', '4' | '8', '~'] => Key::End,
        ['[', '5', '~'] => Key::PageUp,
        ['[', '6', '~'] => Key::PageDown,
        ['[', 'Z'] => Key::BackTab,
        code => Key::UnknownEscSeq(code.to_vec()),
    };
    Ok(Input::Key(key))
}

/// The keyboard, without echo and line by line input, until it is dropped.
pub struct Keys {
    #[cfg(unix)]
    stdin: unix::RawInput,
    #[cfg(not(unix))]
    term: console::Term,
}

impl Keys {
    /// Waits for a key for a moment. Once `left` is true, nothing more is read.
    pub fn wait(&self, left: &AtomicBool) -> io::Result<Input> {
        if left.load(Ordering::Relaxed) {
            return Ok(Input::Nothing);
        }
        #[cfg(unix)]
        return read_key(&mut |within| self.stdin.read_byte(within));
        #[cfg(not(unix))]
        self.term.read_key().map(Input::Key)
    }
}

#[cfg(not(unix))]
impl Keys {
    /// Begins to read keys.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { term: console::Term::stderr() })
    }
}

#[cfg(unix)]
mod unix {
    use super::{Keys, io};
    use nix::poll::{PollFd, PollFlags, poll};
    use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
    use std::os::fd::AsFd;

    impl Keys {
        /// Begins to read keys.
        pub fn listen() -> io::Result<Self> {
            let found = tcgetattr(io::stdin())?;
            let mut raw = found.clone();
            // Signals stay, so that Ctrl-C is one.
            raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN);
            raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
            raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
            tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
            Ok(Self { stdin: RawInput { stdin: io::stdin(), found } })
        }
    }

    /// Standard input without lines and echo, and its settings as they were found.
    pub struct RawInput {
        stdin: io::Stdin,
        found: Termios,
    }

    impl Drop for RawInput {
        fn drop(&mut self) {
            // A failure is ignored: a terminal that cannot be restored is closed.
            let _ = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &self.found);
        }
    }

    impl RawInput {
        /// Reads one byte; `None` if there is none within these milliseconds.
        pub fn read_byte(&self, within: u16) -> io::Result<Option<u8>> {
            let mut ready = [PollFd::new(self.stdin.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, within) {
                // A signal that is handled elsewhere, as for a change of the window.
                Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let mut byte = [0];
            match nix::unistd::read(self.stdin.as_fd(), &mut byte) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => Ok(Some(byte[0])),
                Err(nix::errno::Errno::EINTR) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Keys of bytes that arrive at once; a 0 is a pause.
    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut left: VecDeque<u8> = bytes.iter().copied().collect();
        let mut found = Vec::new();
        while !left.is_empty() {
            match read_key(&mut |_| Ok(left.pop_front().filter(|byte| *byte != 0))).unwrap() {
                Input::Key(key) => found.push(key),
                Input::Nothing => {}
            }
        }
        found
    }

    #[test]
    fn codes_are_keys_and_esc_is_one_after_a_pause() {
        for (bytes, key) in [
            (&b"\x1b[A"[..], Key::ArrowUp),
            (b"\x1bOB", Key::ArrowDown),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[H", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1b[4~", Key::End),
            (b"\x1b\0", Key::Escape),
            (b"\r", Key::Enter),
            ("漢".as_bytes(), Key::Char('漢')),
            (b"\xff\0", Key::Unknown),
        ] {
            assert_eq!(keys(bytes), [key], "{bytes:?}");
        }
        assert_eq!(keys(b"\x1b\0ab"), [Key::Escape, Key::Char('a'), Key::Char('b')]);
        assert_eq!(keys(b"y\x1b[By"), [Key::Char('y'), Key::ArrowDown, Key::Char('y')]);
        // Codes of keys without a meaning, such as Ctrl and an arrow, or a mark of a paste, are skipped whole.
        let unknown = |keys: &[Key]| keys.iter().filter(|key| matches!(key, Key::UnknownEscSeq(_))).count();
        assert_eq!(unknown(&keys(b"\x1b[1;5A\x1b[200~\x1bx")), 3);
    }

    #[test]
    fn ctrl_c_is_no_key() {
        assert!(read_key(&mut |_| Ok(Some(3))).is_err_and(|e| e.kind() == io::ErrorKind::Interrupted));
    }
}
