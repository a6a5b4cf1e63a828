//! Edits: how a fault gets into the text of the sources, among all the others.

use super::Fault;
use std::collections::BTreeMap;
use std::ops::Range;
use std::{error, fmt, io};

/// An expression of the sources, and what a fault makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file, from the workspace's root on.
    pub file: &'static str,
    /// A whole expression, found once in the file. White space and comments do not count, nor does a comma before a closing
    /// bracket: the formatting may change.
    pub right: &'static str,
    /// An expression of the same type, or statements that end in one. `planted::` is the module `verify/faults/planted.rs`.
    pub wrong: &'static str,
}

/// Why the faults cannot be planted. Each names the fault, and the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    Unreadable {
        /// The fault's number and way.
        fault: String,
        /// The file.
        file: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// The expression is not in the file, or more than once.
    NotOnce {
        /// The fault's number and way.
        fault: String,
        /// The file.
        file: &'static str,
        /// The expression.
        right: &'static str,
        /// How often it is there.
        found: usize,
    },
    /// Two expressions overlap, and are not the same.
    Overlap {
        /// The faults' numbers and ways.
        faults: [String; 2],
        /// The file.
        file: &'static str,
    },
}

/// The text of each file that has edits, with all faults in it. Each expression becomes
/// `(if planted::is("4") { wrong } else { right })`; of an expression with several faults, the conditions are chained.
/// The edits of `always` are made unconditionally.
///
/// # Errors
/// When a file cannot be read, an expression is not found exactly once, or two of them overlap.
pub fn plant(
    faults: &[Fault],
    always: &[Edit],
    read: impl Fn(&str) -> io::Result<String>,
) -> Result<BTreeMap<&'static str, String>, Error> {
    let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for fault in faults {
        for edit in fault.edits {
            files.entry(edit.file).or_default().push(Planted { fault: Some(fault.id()), edit });
        }
    }
    for edit in always {
        files.entry(edit.file).or_default().push(Planted { fault: None, edit });
    }
    let texts = files.into_iter().map(|(file, edits)| {
        let fault = edits[0].name();
        let source = read(file).map_err(|error| Error::Unreadable { fault, file, error })?;
        Ok((file, replace(&source, edits)?))
    });
    texts.collect()
}

/// An edit, and the fault that it belongs to, or none if it is always made.
struct Planted<'a> {
    fault: Option<String>,
    edit: &'a Edit,
}

impl Planted<'_> {
    fn name(&self) -> String {
        self.fault.clone().unwrap_or_else(|| "any".to_owned())
    }
}

/// The text of a file after its edits.
fn replace(source: &str, edits: Vec<Planted<'_>>) -> Result<String, Error> {
    let compact = Compact::new(source);
    let mut places: Vec<(Range<usize>, Vec<Planted<'_>>)> = Vec::new();
    for planted in edits {
        let Edit { file, right, .. } = *planted.edit;
        let found = compact.find(right);
        let [range] = found.as_slice() else {
            return Err(Error::NotOnce { fault: planted.name(), file, right, found: found.len() });
        };
        match places.iter_mut().find(|(other, _)| range.start < other.end && other.start < range.end) {
            // What is always done leaves no room for another condition.
            Some((other, chain)) if other == range && chain[0].fault.is_some() && planted.fault.is_some() => {
                chain.push(planted);
            }
            Some((_, chain)) => return Err(Error::Overlap { faults: [chain[0].name(), planted.name()], file }),
            None => places.push((range.clone(), vec![planted])),
        }
    }
    places.sort_by_key(|(range, _)| range.start);
    let (mut text, mut at) = (String::new(), 0);
    for (range, chain) in places {
        text += &source[at..range.start];
        text += &replacement(&source[range.clone()], &chain);
        at = range.end;
    }
    Ok(text + &source[at..])
}

/// What stands in an expression's place.
fn replacement(right: &str, chain: &[Planted<'_>]) -> String {
    let mut text = String::from("(");
    for Planted { fault, edit } in chain {
        // Only the kernels' crate has the module.
        let module = if edit.file.starts_with("kernels/") { "crate::planted::" } else { "lanegrad_kernels::planted::" };
        let wrong = edit.wrong.replace("planted::", module);
        let Some(id) = fault else { return wrong };
        text += &format!("if {module}is(\"{id}\") {{ {wrong} }} else ");
    }
    text + &format!("{{ {right} }})")
}

/// A text without comments and without what formatting changes.
struct Compact<'a> {
    text: &'a str,
    /// Each character that counts, and where it is in the text.
    characters: Vec<(usize, char)>,
}

impl<'a> Compact<'a> {
    fn new(text: &'a str) -> Self {
        let mut characters: Vec<(usize, char)> = Vec::new();
        let mut line = 0;
        for code in text.split_inclusive('\n') {
            // Up to a comment: a text that has `//` in a string is not found.
            for (at, character) in code[..code.find("//").unwrap_or(code.len())].char_indices() {
                if matches!(character, ')' | ']' | '}') {
                    characters.pop_if(|(_, last)| *last == ',');
                }
                if !character.is_whitespace() {
                    characters.push((line + at, character));
                }
            }
            line += code.len();
        }
        Self { text, characters }
    }

    /// Where the text has this expression, not counting longer names and paths that only end or begin like it.
    fn find(&self, expression: &str) -> Vec<Range<usize>> {
        let wanted = Compact::new(expression).characters;
        let is_name = |character: char| character.is_alphanumeric() || character == '_';
        let same = |part: &&[(usize, char)]| part.iter().zip(&wanted).all(|((_, a), (_, b))| a == b);
        let parts = self.characters.windows(wanted.len().max(1)).filter(same);
        let ranges = parts.map(|part| {
            let (last, character) = part[part.len() - 1];
            part[0].0..last + character.len_utf8()
        });
        let whole = |range: &Range<usize>| {
            let (before, inside, after) =
                (&self.text[..range.start], &self.text[range.clone()], &self.text[range.end..]);
            let member = before.ends_with("::") || before.ends_with('.') && !before.ends_with("..");
            let begins_in_a_name = inside.starts_with(is_name) && (before.ends_with(is_name) || member);
            let ends_in_a_name = inside.ends_with(is_name) && after.starts_with(is_name);
            !begins_in_a_name && !ends_in_a_name
        };
        ranges.filter(whole).collect()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { fault, file, error } => write!(f, "fault {fault}: {file} cannot be read: {error}"),
            Self::NotOnce { fault, file, right, found } => {
                write!(f, "fault {fault}: {file} has `{right}` {found} times, expected once")
            }
            Self::Overlap { faults: [first, second], file } => {
                write!(f, "faults {first} and {second} overlap in {file}")
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{ALWAYS, FAULTS, Place};

    const FILE: &str = "kernels/src/a.rs";

    /// The file after the edits from one expression to another, the first being fault 1.
    fn planted(source: &str, edits: &[[&'static str; 2]]) -> Result<String, String> {
        let fault = |(number, &[right, wrong]): (u8, &[&'static str; 2])| {
            let edits = vec![Edit { file: FILE, right, wrong }].leak();
            Fault { number, way: "", name: "", place: Place::Everywhere, edits }
        };
        let faults: Vec<Fault> = (1..).zip(edits).map(fault).collect();
        match plant(&faults, &[], |_| Ok(source.to_owned())) {
            Ok(mut files) => Ok(files.remove(FILE).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn edit(right: &'static str, wrong: &'static str) -> Edit {
        Edit { file: FILE, right, wrong }
    }

    #[test]
    fn every_edit_applies_to_the_sources() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
        let files = plant(FAULTS, ALWAYS, |file| std::fs::read_to_string(format!("{root}{file}")));
        let files = files.unwrap_or_else(|error| panic!("{error}"));
        let all: String = files.into_values().collect();
        for fault in FAULTS.iter().filter(|fault| !fault.edits.is_empty()) {
            let is = format!("planted::is(\"{}\")", fault.id());
            assert_eq!(all.matches(&is).count(), fault.edits.len(), "{is}");
        }
    }

    #[test]
    fn an_expression_is_found_however_it_is_formatted() {
        let source = "// f(a, b)\nlet x =\n    f(\n        a, // the first\n        b,\n    );\n";
        let expected = "// f(a, b)\nlet x =\n    (if crate::planted::is(\"1\") { 0 } else { f(\n        a, // the first\n        b,\n    ) });\n";
        assert_eq!(planted(source, &[["f(a, b)", "0"]]).unwrap(), expected);
    }

    #[test]
    fn edits_of_one_expression_are_chained() {
        let found = planted("x = a + b * c;", &[["b * c", "b"], ["a", "planted::f(a)"], ["b*c", "c"]]);
        let expected = "x = (if crate::planted::is(\"2\") { crate::planted::f(a) } else { a }) \
             + (if crate::planted::is(\"1\") { b } else if crate::planted::is(\"3\") { c } else { b * c });";
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn what_is_always_done_has_no_condition() {
        let always = [edit("run(simd)", "run(planted::f(simd))")];
        let files = plant(&[], &always, |_| Ok("k.go(run(simd))".to_owned()));
        assert_eq!(files.unwrap()[FILE], "k.go(run(crate::planted::f(simd)))");
    }

    #[test]
    fn other_crates_name_the_module_by_its_crate() {
        const EDITS: &[Edit] = &[Edit { file: "src/a.rs", right: "a", wrong: "planted::f(a)" }];
        let fault = Fault { number: 1, way: "b", name: "", place: Place::Everywhere, edits: EDITS };
        let files = plant(&[fault], &[], |_| Ok("x = a;".to_owned())).unwrap();
        let expected = "x = (if lanegrad_kernels::planted::is(\"1b\") { lanegrad_kernels::planted::f(a) } else { a });";
        assert_eq!(files["src/a.rs"], expected);
    }

    #[test]
    fn names_are_whole() {
        let found = planted("ab; x.a; x::a; ba; ..a", &[["a", "0"]]).unwrap();
        assert!(found.starts_with("ab; x.a; x::a; ba; ..(if "), "{found}");
        let twice = planted("a; a", &[["a", "0"]]).unwrap_err();
        assert_eq!(twice, "fault 1: kernels/src/a.rs has `a` 2 times, expected once");
    }

    #[test]
    fn what_is_missing_or_overlaps_is_refused_by_name() {
        let missing = planted("b", &[["b", "0"], ["a", "0"]]).unwrap_err();
        assert_eq!(missing, "fault 2: kernels/src/a.rs has `a` 0 times, expected once");
        for [first, second] in [["a + b", "b + c"], ["a + b + c", "b"], ["b", "a + b"]] {
            let overlap = planted("a + b + c", &[[first, "0"], [second, "0"]]).unwrap_err();
            assert_eq!(overlap, "faults 1 and 2 overlap in kernels/src/a.rs");
        }
        let always = [edit("a", "0"), edit("a", "1")];
        let overlap = plant(&[], &always, |_| Ok("a".to_owned())).unwrap_err().to_string();
        assert_eq!(overlap, "faults any and any overlap in kernels/src/a.rs");
        let unreadable = plant(&[], &always, |_| Err(io::ErrorKind::NotFound.into())).unwrap_err().to_string();
        assert!(unreadable.contains("kernels/src/a.rs cannot be read"), "{unreadable}");
    }
}
