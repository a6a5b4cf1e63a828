//! Colours and dashes: in the drawing they are names, which the style sheet explains, for light and for dark surroundings.

use plotters::style::RGBColor;
use std::fmt::Write;

/// Ground and text, light and dark.
const GROUND: [u32; 2] = [0xff_ff_ff, 0x14_17_1c];
const TEXT: [u32; 2] = [0x1a_1a_1a, 0xe8_e8_e8];
/// Lines of the grid, which only lead the eye.
const GRID: [u32; 2] = [0xdc_dc_dc, 0x33_38_40];
const CONTOUR: [u32; 2] = [0x8a_8a_8a, 0x7c_83_8d];

/// Okabe and Ito's colours, which colour-blind readers can tell apart, each darkened or lightened until it stands out from the ground.
const SERIES: [[u32; 2]; 8] = [
    [0x1a_1a_1a, 0xf2_f2_f2],
    [0x2f_8f_cb, 0x7c_c8_f2],
    [0x00_4c_8a, 0x45_93_d6],
    [0xb8_5c_97, 0xe3_9b_c6],
    [0xbd_7a_00, 0xf0_b7_4a],
    [0xa8_3c_00, 0xf0_7a_3a],
    [0x00_91_69, 0x2e_bd_93],
    [0x7d_6e_00, 0xcd_c0_5a],
];

/// Lengths of dashes and gaps. With the colours they make 32 styles.
const DASHES: [&[u32]; 4] = [&[], &[9, 3], &[2, 3], &[9, 3, 2, 3]];

/// What a line or a surface is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Ground,
    Text,
    Grid,
    Contour,
    /// A series' line, with its dashes.
    Line(usize),
    /// A series' markers.
    Marker(usize),
}

impl Paint {
    /// A colour that stands for it until [`named`] is called.
    pub(super) fn colour(self) -> RGBColor {
        let (kind, index) = match self {
            Self::Ground => (0, 0),
            Self::Text => (1, 0),
            Self::Grid => (2, 0),
            Self::Contour => (3, 0),
            Self::Line(index) => (4, index),
            Self::Marker(index) => (5, index),
        };
        RGBColor(kind, 0, (index % (SERIES.len() * DASHES.len())) as u8)
    }

    /// The names, in the style sheet, of what has this colour.
    fn names(property: &str, colour: u32) -> String {
        let index = colour as usize & 0xff;
        let series = format!("{property}-{}", index % SERIES.len());
        match colour >> 16 {
            0 => format!("{property}-ground"),
            1 => format!("{property}-text"),
            2 => format!("{property}-grid"),
            3 => format!("{property}-contour"),
            4 => match dashes(index) {
                0 => series,
                dashes => format!("{series} dash-{dashes}"),
            },
            _ => series,
        }
    }
}

/// Neighbours in the list differ in both, and so do styles of one colour.
fn dashes(index: usize) -> usize {
    (index + index / SERIES.len()) % DASHES.len()
}

/// Puts names in the place of the colours of a drawing.
pub(super) fn named(svg: &str) -> String {
    let mut parts = svg.split("=\"#");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (colour, rest) = part.split_at(6);
        let property = named.split_off(named.rfind(' ').map_or(0, |space| space + 1));
        let colour = u32::from_str_radix(colour, 16).expect("the drawing library writes six hexadecimal digits");
        named += &format!("class=\"{}{rest}", Paint::names(&property, colour));
    }
    named
}

/// What the names in every plot mean. It sets ground and text of the whole document.
pub fn style_sheet() -> String {
    let mut sheet = String::new();
    let mut add = |rule: &str| sheet.push_str(&format!("{rule}\n"));
    add(".fill-text { fill: currentColor } .stroke-text { stroke: currentColor }");
    for (index, lengths) in DASHES.iter().enumerate().skip(1) {
        let lengths: Vec<_> = lengths.iter().map(|length| (length * super::UNIT).to_string()).collect();
        add(&format!(".dash-{index} {{ stroke-dasharray: {} }}", lengths.join(" ")));
    }
    add(&colours(0));
    // Paper is light.
    add(&format!("@media screen and (prefers-color-scheme: dark) {{\n{}\n}}", colours(1)));
    sheet
}

fn colours(surroundings: usize) -> String {
    let [ground, text, grid, contour] = [GROUND, TEXT, GRID, CONTOUR].map(|colours| colours[surroundings]);
    let mut rules = format!(":root {{ color: #{text:06x}; background: #{ground:06x} }}");
    let series = SERIES.iter().enumerate().map(|(index, colours)| (index.to_string(), colours[surroundings]));
    for (name, colour) in [("ground", ground), ("grid", grid), ("contour", contour)]
        .map(|(name, colour)| (name.to_owned(), colour))
        .into_iter()
        .chain(series)
    {
        let _ = write!(rules, "\n.fill-{name} {{ fill: #{colour:06x} }} .stroke-{name} {{ stroke: #{colour:06x} }}");
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The contrast of WCAG 2.
    fn contrast(one: u32, other: u32) -> f64 {
        let luminance = |colour: u32| {
            let linear = |shift: u32| {
                let part = f64::from(colour >> shift & 0xff) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        f64::max(one, other) / f64::min(one, other)
    }

    #[test]
    fn lines_and_text_stand_out_from_the_ground() {
        for surroundings in [0, 1] {
            let ground = GROUND[surroundings];
            assert!(contrast(TEXT[surroundings], ground) > 7.0);
            for colours in SERIES.iter().chain([&CONTOUR]) {
                let contrast = contrast(colours[surroundings], ground);
                assert!(contrast >= 3.0, "#{:06x} on #{ground:06x}: {contrast}", colours[surroundings]);
            }
        }
    }

    #[test]
    fn no_two_styles_are_equal() {
        let styles: BTreeSet<_> = (0..32).map(|index| (index % SERIES.len(), dashes(index))).collect();
        assert_eq!(styles.len(), 32);
        assert!((0..31).all(|index| dashes(index) != dashes(index + 1)));
    }

    #[test]
    fn colours_become_names() {
        let drawn = r##"<line stroke="#040009" x1="1"/><text fill="#010000">=&quot;#"##;
        assert_eq!(named(drawn), r##"<line class="stroke-1 dash-2" x1="1"/><text class="fill-text">=&quot;#"##);
        assert_eq!(Paint::Line(9).colour(), RGBColor(4, 0, 9));
    }
}
