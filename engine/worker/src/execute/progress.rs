//! Lines that say how far something is: `::progress 40` or `::progress 62.5 reading the third file`, on stdout.
//!
//! The number is in percent. Such lines are taken out of the output. Anything else, a misspelt one too, is output.

#[cfg(test)]
mod tests;

/// What such a line begins with.
const BEGINNING: &[u8] = b"::progress ";
/// Bytes of the longest such line.
const LONGEST: usize = 1024;

/// A part of an output.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part<'a> {
    /// Output.
    Text(&'a [u8]),
    /// A line that says how far it is.
    Progress(f32, Option<String>),
}

/// Takes an output apart that comes in pieces, cut anywhere. No output is held back but what may become such a line.
#[derive(Debug)]
pub(super) struct ProgressLines {
    /// The beginning of a line that may be one.
    held: Vec<u8>,
    /// Whether the next byte begins a line.
    at_beginning: bool,
}

impl ProgressLines {
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), at_beginning: true }
    }

    /// Takes a piece.
    pub(super) fn take(&mut self, piece: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut text = Vec::with_capacity(self.held.len() + piece.len());
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            let ends = line.ends_with(b"\n");
            if !self.at_beginning && self.held.is_empty() {
                text.extend_from_slice(line);
                self.at_beginning = ends;
                continue;
            }
            self.held.extend_from_slice(line);
            self.at_beginning = ends;
            if may_be_one(&self.held) {
                if !ends {
                    continue;
                }
                if let Some((percent, message)) = read(&self.held) {
                    pass(&mut text, each);
                    each(Part::Progress(percent, message));
                    self.held.clear();
                    continue;
                }
            }
            text.append(&mut self.held);
        }
        pass(&mut text, each);
    }

    /// What was held back, at the end.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Part<'_>)) {
        match read(&self.held) {
            Some((percent, message)) => each(Part::Progress(percent, message)),
            None => pass(&mut self.held, each),
        }
        self.held.clear();
    }
}

fn pass(text: &mut Vec<u8>, each: &mut dyn FnMut(Part<'_>)) {
    if !text.is_empty() {
        each(Part::Text(text));
        text.clear();
    }
}

fn may_be_one(line: &[u8]) -> bool {
    line.len() <= LONGEST && (line.starts_with(BEGINNING) || BEGINNING.starts_with(line))
}

/// The number and the message of a whole line.
fn read(line: &[u8]) -> Option<(f32, Option<String>)> {
    let rest = std::str::from_utf8(line.strip_prefix(BEGINNING)?).ok()?.trim();
    let (number, message) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let percent: f32 = number.strip_suffix('%').unwrap_or(number).parse().ok()?;
    let message = message.trim();
    // Not a number is within nothing.
    (0.0..=100.0).contains(&percent).then(|| (percent, (!message.is_empty()).then(|| message.to_owned())))
}
