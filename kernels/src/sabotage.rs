//! Faults that can be planted in the kernels, to see that the checks notice them.
//!
//! They exist only in a build with both the feature `sabotage` and `--cfg lanegrad_sabotage`: there
//! `sabotage!(right, 4 => wrong)` is `wrong` while fault 4 is planted. In every other build it is `right`, and nothing else.
//! The faults of single vector operations are planted from outside, by a lowering that wraps the others and spoils them.
//!
//! The environment variable `LANEGRAD_FAULT` plants a fault for the life of a process: its number, and a letter if it can be
//! made in more than one way. `verify faults` lists them.

/// What is right, or what a planted fault makes of it.
#[cfg(not(all(feature = "sabotage", lanegrad_sabotage)))]
#[macro_export]
macro_rules! sabotage {
    ($right:expr, always => $wrapped:expr) => {
        $right
    };
    ($right:expr, $($number:literal $($part:ident)? => $wrong:expr),+) => {
        $right
    };
}

/// What is right, or what a planted fault makes of it.
#[cfg(all(feature = "sabotage", lanegrad_sabotage))]
#[macro_export]
macro_rules! sabotage {
    ($right:expr, always => $wrapped:expr) => { $wrapped };
    ($right:expr, $($number:literal $($part:ident)? => $wrong:expr),+) => {
        $(if $crate::sabotage::planted($number, stringify!($($part)?)) { $wrong } else)+ { $right }
    };
}

#[cfg(all(feature = "sabotage", lanegrad_sabotage))]
#[expect(unsafe_code, reason = "reads what it must not, to see that guard pages and sanitizers notice")]
mod over_read;
#[cfg(all(feature = "sabotage", lanegrad_sabotage))]
mod saboteur;

#[cfg(all(feature = "sabotage", lanegrad_sabotage))]
pub use self::{saboteur::Sabotaged, with_sabotage::*};

#[cfg(all(feature = "sabotage", lanegrad_sabotage))]
mod with_sabotage {
    use crate::simd::Simd;
    use crate::view::View;
    use core::cell::Cell;
    use std::sync::LazyLock;

    static FAULT: LazyLock<(u8, String)> = LazyLock::new(|| {
        // An empty variable counts as unset.
        let name = std::env::var("LANEGRAD_FAULT").unwrap_or_default();
        if name.is_empty() {
            return (0, name);
        }
        let number = name.trim_end_matches(char::is_alphabetic);
        (number.parse().expect("LANEGRAD_FAULT starts with a number"), name[number.len()..].to_owned())
    });

    /// Whether the fault of that number and letter is planted.
    pub fn planted(number: u8, part: &str) -> bool {
        FAULT.0 == number && FAULT.1 == part
    }

    /// Fault 8b: the view, as if there were nothing between its rows.
    pub fn without_gaps(view: View<'_>, cols: usize) -> View<'_> {
        View { row_stride: if view.col_stride == 1 { cols } else { view.row_stride }, ..view }
    }

    /// Fault 16: whether something larger was packed before.
    pub fn shrunk(numbers: usize) -> bool {
        thread_local!(static LARGEST: Cell<usize> = const { Cell::new(0) });
        LARGEST.set(LARGEST.get().max(numbers));
        numbers < LARGEST.get()
    }

    /// Fault 18: what a step of size 1 makes of the weights.
    pub fn updated(w: &[f32], dw: &[f32]) -> &'static [f32] {
        w.iter().zip(dw).map(|(w, dw)| w - dw).collect::<Vec<_>>().leak()
    }

    /// Fault 23b: `z ≤ 0`, but not where z is −0.
    #[inline(always)]
    pub fn flat_but_for_minus_zero<S: Simd>(simd: S, z: S::V) -> S::M {
        let (zero, inverse) = (simd.splat(0.0), simd.div(simd.splat(-1.0), z));
        simd.less_equal(simd.select(simd.less_equal(simd.abs(z), zero), inverse, z), zero)
    }

    /// Fault 24: the largest x whose exponential is finite becomes the number below it.
    #[inline(always)]
    pub fn clamped_below_the_last<S: Simd>(simd: S, x: S::V) -> S::V {
        const LAST: f32 = f32::from_bits(0x42b1_7217);
        let clamped = simd.min(simd.splat(LAST.next_down()), x);
        simd.select(simd.less(simd.splat(LAST), x), simd.min(simd.splat(89.0), x), clamped)
    }

    /// Fault 43: the numbers that a view needs, if they are counted without a look at the carry.
    pub fn wrapping_len((rows, cols): (usize, usize), (row_stride, col_stride): (usize, usize)) -> usize {
        let last = (rows - 1).wrapping_mul(row_stride).wrapping_add((cols - 1).wrapping_mul(col_stride));
        last.wrapping_add(1)
    }

    /// Fault 48: writes the first number behind each row, if it belongs to nobody.
    pub fn write_gaps((c, stride): (&mut [f32], usize), rows: usize, cols: usize) -> (&mut [f32], usize) {
        for number in (0..rows).filter_map(|i| (stride > cols).then_some(i * stride + cols)) {
            if let Some(gap) = c.get_mut(number) {
                *gap = 0.0;
            }
        }
        (c, stride)
    }
}
