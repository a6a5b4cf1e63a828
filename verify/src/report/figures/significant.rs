//! Numbers in sentences.

/// Three significant digits, as people write them: `0.0178`, `2580`, `1.2·10⁻³¹`.
pub(super) fn significant(x: f64) -> String {
    let scientific = format!("{x:.2e}");
    let Some((mantissa, exponent)) = scientific.split_once('e').filter(|_| x != 0.0) else {
        return x.to_string();
    };
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let power: i32 = exponent.parse().unwrap_or_default();
    if (-3..5).contains(&power) {
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
        let decimals = (digits - 1 - power).max(0) as usize;
        return format!("{x:.decimals$}").replace('-', "−");
    }
    let raised: String = exponent.chars().map(superscript).collect();
    match mantissa {
        "1" => format!("10{raised}"),
        "-1" => format!("−10{raised}"),
        _ => format!("{}·10{raised}", mantissa.replace('-', "−")),
    }
}

fn superscript(c: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize])
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (x, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (100.0, "100"),
            (0.0178, "0.0178"),
            (0.001, "0.001"),
            (0.999_96, "1"),
            (13.416, "13.4"),
            (2580.4, "2580"),
            (-0.5, "−0.5"),
            (1.234e-31, "1.23·10⁻³¹"),
            (1e-7, "10⁻⁷"),
            (-1e20, "−10²⁰"),
            (3.3e7, "3.3·10⁷"),
        ] {
            assert_eq!(significant(x), text, "{x:e}");
        }
        assert_eq!(significant(f64::NAN), "NaN");
        assert_eq!(significant(f64::INFINITY), "inf");
    }
}
