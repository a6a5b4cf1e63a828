//! What libraries read from the environment when they are loaded, and what a report says of the machine.

use crate::Error;
use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Each sets the number of threads of a peer.
const THREADS: [&str; 7] = [
    "BLIS_NUM_THREADS",
    "CANDLE_NUM_THREADS",
    "MATMUL_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
];

/// Each ends the spinning of threads that wait for work after about a millisecond: Intel's OpenMP and GNU's, OpenBLAS. By default they
/// spin for up to 200 ms, and whoever is measured next has fewer processors. Calls in a row find them awake.
const SPINNING: [(&str, &str); 3] =
    [("KMP_BLOCKTIME", "1"), ("GOMP_SPINCOUNT", "20000"), ("OPENBLAS_THREAD_TIMEOUT", "20")];

/// Longer than they spin.
pub(crate) const PAUSE: Duration = Duration::from_millis(3);

/// Each would make OpenBLAS take another kernel than the one for this processor.
const UNSET: [&str; 2] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/// Makes the environment what the peers need. A process cannot safely change its own, so the program is run again in the right
/// one, and the exit code is that run's; `None`: this is the right one.
pub(crate) fn enter(threads: usize) -> Result<Option<ExitCode>, Error> {
    let mut wanted: Vec<(&str, Option<String>)> = Vec::new();
    wanted.extend(UNSET.map(|name| (name, None)));
    wanted.extend(THREADS.map(|name| (name, Some(threads.to_string()))));
    wanted.push(("MKL_DYNAMIC", Some("FALSE".to_owned())));
    // oneDNN would print what it cannot do; it is asked, and another way is taken.
    wanted.push(("DNNL_VERBOSE", Some("0".to_owned())));
    if threads > 1 {
        wanted.extend(SPINNING.map(|(name, value)| (name, Some(value.to_owned()))));
    } else {
        // MKL's single library would look for an OpenMP runtime, only to use one thread of it.
        wanted.push(("MKL_THREADING_LAYER", Some("SEQUENTIAL".to_owned())));
    }
    if wanted.iter().all(|(name, value)| env::var_os(name) == value.as_ref().map(OsString::from)) {
        return Ok(None);
    }
    let mut again = Command::new(env::current_exe()?);
    again.args(env::args_os().skip(1));
    for (name, value) in wanted {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    let status = again.status()?;
    // Ended by a signal, it has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Some(ExitCode::from(code)))
}

/// A crate's name and version, as this program was built with it.
pub(crate) fn crate_version(name: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| line.strip_prefix("name = ") == Some(&format!("{name:?}")));
    let version = lines.next().and_then(|line| line.strip_prefix("version = ")).unwrap_or_default();
    format!("crate {name} {}", version.trim_matches('"'))
}

/// The processor's name, as far as the system tells.
pub(crate) fn processor() -> String {
    let linux = || {
        let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let field = |name| text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(": "));
        let (_, model) = field("model name")?;
        // Some virtual machines hide the model; family and number tell it all the same.
        let family = field("cpu family").map_or("?", |(_, family)| family);
        let number = field("model\t").map_or("?", |(_, number)| number);
        Some(format!("{model} (family {family}, model {number})"))
    };
    let mac = || {
        let output = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    linux().or_else(mac).unwrap_or_else(|| env::consts::ARCH.to_owned())
}

/// Today, in UTC, as year-month-day.
pub(crate) fn date() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    civil_date(days)
}

/// Counts days from 1 March of year 0 on, in eras of 400 years; leap days are last then. Source: H. Hinnant,
/// "chrono-compatible low-level date algorithms".
fn civil_date(days_since_1970: u64) -> String {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::civil_date;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil_date(0), "1970-01-01");
        assert_eq!(civil_date(11_016), "2000-02-29");
        assert_eq!(civil_date(20_781), "2026-11-24");
    }
}
