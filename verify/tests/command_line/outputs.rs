//! The files that `verify` writes: none is touched before all of its new content is there, and none is in another's place.

use crate::{directory, run, text, tiny_set, train_in, verify};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A directory with nothing but the tiny set and the results of an earlier run.
fn fresh(name: &str) -> PathBuf {
    fs::remove_dir_all(directory(name)).unwrap();
    let directory = tiny_set(name);
    fs::write(directory.join("results.json"), "earlier results").unwrap();
    fs::write(directory.join("curves.svg"), "earlier curves").unwrap();
    directory
}

/// Everything in a directory, byte for byte.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            entries.extend(snapshot(&path));
        }
        let content = match () {
            () if kind.is_symlink() => fs::read_link(&path).unwrap().display().to_string(),
            () if kind.is_file() => format!("{:?}", fs::read(&path).unwrap()),
            () => format!("{kind:?}"),
        };
        entries.insert(path, content);
    }
    entries
}

/// Asserts that a command with these flags is refused for `reason`, and touches nothing.
#[track_caller]
fn refused(name: &str, flags: &[&str], reason: &str) {
    let before = snapshot(&directory(name));
    crate::refused(train_in(name, flags), reason);
    assert_eq!(snapshot(&directory(name)), before, "{flags:?}");
}

fn is_document(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|document| document["format"] == "lanegrad-training-1")
}

/// Asserts what the files of a directory hold, their contents being results or curves.
#[track_caller]
fn holds(directory: &Path, results: &str, curves: &str) {
    assert!(is_document(&fs::read_to_string(directory.join(results)).unwrap()), "{results}");
    assert!(fs::read_to_string(directory.join(curves)).unwrap().starts_with("<svg"), "{curves}");
}

#[test]
fn a_refused_output_leaves_the_others_as_they_were() {
    let name = "outputs refused";
    fresh(name);
    let json = ["--json", "results.json"];
    let plot = ["--plot", "curves.svg"];
    for (other, reason) in [
        (".", ".: it cannot be written"),
        ("/dev/null/x", "/dev/null/x: it cannot be written"),
        ("results.json/x", "results.json/x: it cannot be written"),
        ("new/", "new/: it cannot be written"),
        ("new/.", "new/.: it cannot be written"),
        ("results.json/", "results.json/: it cannot be written"),
        ("..", "..: it cannot be written"),
    ] {
        refused(name, &[&json[..], &["--plot", other]].concat(), reason);
        refused(name, &[&plot[..], &["--json", other]].concat(), reason);
    }
    refused(name, &[&json[..], &plot, &["--layers", "4,10,11"]].concat(), "and 10 in the last");
    fs::remove_file(directory(name).join("t10k-labels-idx1-ubyte")).unwrap();
    refused(name, &[&json[..], &plot].concat(), "t10k-labels-idx1-ubyte: there is no such file");
}

#[test]
fn one_file_is_not_two_outputs() {
    let name = "outputs equal";
    let directory = fresh(name);
    fs::create_dir(directory.join("folder")).unwrap();
    let mut pairs = vec![
        ("results.json", "results.json"),
        ("results.json", "./results.json"),
        ("results.json", "folder/../results.json"),
        ("folder/../results.json", "folder/.././results.json"),
        ("new", "new"),
        ("new", "./new"),
        ("new", "folder/../new"),
        ("new", "nowhere/../new"),
        ("nowhere/new", "nowhere/./new"),
        ("nowhere/new", "nowhere/there/../new"),
        // A folder cannot be made where a file is to be.
        ("new", "new/x"),
        ("new/x", "new"),
        ("new", "new/y/x"),
    ];
    let absolute = directory.join("new");
    pairs.push(("new", absolute.to_str().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("results.json", directory.join("link")).unwrap();
        symlink("link", directory.join("link to link")).unwrap();
        symlink("new", directory.join("dangling")).unwrap();
        symlink("folder/../dangling", directory.join("dangling too")).unwrap();
        symlink(".", directory.join("here")).unwrap();
        pairs.extend([
            ("results.json", "link"),
            ("link", "link to link"),
            ("new", "dangling"),
            ("dangling", "dangling too"),
            ("new", "here/new"),
            ("results.json", "here/here/results.json"),
            ("dangling", "here/dangling too"),
        ]);
    }
    for (one, other) in pairs {
        refused(name, &["--json", one, "--plot", other], &format!("{one} and {other} cannot both be written"));
        refused(name, &["--json", other, "--plot", one], &format!("{other} and {one} cannot both be written"));
    }
    let default = "target/lanegrad/training.svg";
    refused(name, &["--json", default], &format!("{default} and {default} cannot both be written"));
}

#[test]
fn files_are_replaced_or_made() {
    let name = "outputs replaced";
    let directory = fresh(name);
    let files = |directory| snapshot(directory).into_keys().collect::<Vec<_>>();
    let before = files(&directory);
    assert!(run(train_in(name, &["--json", "results.json", "--plot", "curves.svg"])).status.success());
    holds(&directory, "results.json", "curves.svg");
    assert_eq!(files(&directory), before, "nothing else is there");
    assert!(run(train_in(name, &["--json", "made/results.json", "--plot", "made/for/it.svg"])).status.success());
    holds(&directory, "made/results.json", "made/for/it.svg");
    assert_eq!(files(&directory).len(), before.len() + 4, "two files in two folders");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::process::{Child, Command};
    use std::thread;
    use std::time::{Duration, Instant};

    /// A child that does not outlive its test.
    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Where tests run in the background of a shell, SIGINT is ignored, and what they start inherits that.
    fn heeding_interrupts(command: Command) -> Command {
        const ENV: [&str; 1] = ["--default-signal=INT"];
        let works = Command::new("env").args(ENV).arg("true").stderr(Stdio::null()).status();
        if !works.is_ok_and(|status| status.success()) {
            return command;
        }
        let mut wrapped = Command::new("env");
        wrapped.args(ENV).arg(command.get_program()).args(command.get_args()).env_remove("LANEGRAD_ISA");
        wrapped.current_dir(command.get_current_dir().unwrap());
        wrapped
    }

    /// Asserts that a command that is ended by a signal leaves everything as it was. It is ended when it says something that begins with
    /// `reached`; it has to wait for a reader of what it says long before its end.
    #[track_caller]
    fn interrupted(name: &str, command: Command, reached: &str, (signal, number): (&str, i32)) {
        use std::os::unix::process::ExitStatusExt;
        let before = snapshot(&directory(name));
        let mut command = heeding_interrupts(command);
        let mut child = Killed(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let said = BufReader::new(child.0.stderr.take().unwrap());
        let mut lines = said.lines();
        assert!(lines.any(|line| line.unwrap().starts_with(reached)), "'{reached}' was not reached");
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.0.id())]).status().unwrap();
        assert!(kill.success());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.0.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "SIG{signal} does not end it");
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.signal(), Some(number), "{status}");
        assert_eq!(snapshot(&directory(name)), before);
    }

    #[track_caller]
    fn interrupted_training(name: &str, signal: (&str, i32)) {
        fresh(name);
        for outputs in [["--json", "results.json", "--plot", "curves.svg"], ["--json", "new", "--plot", "curves.svg"]] {
            let endless = ["--optimizer", "sgd", "--epochs", "1000000"];
            interrupted(name, train_in(name, &[&endless[..], &outputs].concat()), "sgd: epoch 2 of", signal);
        }
    }

    #[test]
    fn an_interrupt_leaves_earlier_outputs_as_they_were() {
        interrupted_training("outputs interrupted", ("INT", 2));
    }

    #[test]
    fn a_kill_leaves_earlier_outputs_as_they_were() {
        interrupted_training("outputs killed", ("KILL", 9));
    }

    #[test]
    fn an_interrupted_report_leaves_the_earlier_one() {
        let name = "outputs of a report interrupted";
        fresh(name);
        let outputs = ["--out", "curves.svg", "--json", "results.json", "--pictures", "."];
        let report = verify(name, &[&["report", "--quick"], &outputs[..]].concat());
        interrupted(name, report, "checking product", ("INT", 2));
    }

    #[test]
    fn links_and_permissions_stay() {
        let name = "outputs linked";
        let directory = fresh(name);
        let at = |file: &str| directory.join(file);
        let mode = |file| fs::metadata(at(file)).unwrap().permissions().mode() & 0o777;
        fs::create_dir(at("elsewhere")).unwrap();
        fs::rename(at("results.json"), at("elsewhere/results.json")).unwrap();
        symlink("elsewhere/results.json", at("results.json")).unwrap();
        symlink("elsewhere/new.svg", at("dangling.svg")).unwrap();
        fs::set_permissions(at("elsewhere/results.json"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(run(train_in(name, &["--json", "results.json", "--plot", "dangling.svg"])).status.success());
        holds(&directory, "elsewhere/results.json", "elsewhere/new.svg");
        assert_eq!(fs::read_link(at("results.json")).unwrap(), Path::new("elsewhere/results.json"));
        assert_eq!(fs::read_link(at("dangling.svg")).unwrap(), Path::new("elsewhere/new.svg"));
        // A new file is as readable as any.
        fs::write(at("any"), "").unwrap();
        assert_eq!((mode("elsewhere/results.json"), mode("elsewhere/new.svg")), (0o640, mode("any")));
    }

    #[test]
    fn two_names_of_one_file_become_two_files() {
        let name = "outputs hard links";
        let directory = fresh(name);
        fs::remove_file(directory.join("curves.svg")).unwrap();
        fs::hard_link(directory.join("results.json"), directory.join("curves.svg")).unwrap();
        assert!(run(train_in(name, &["--json", "results.json", "--plot", "curves.svg"])).status.success());
        holds(&directory, "results.json", "curves.svg");
    }

    /// Files that may be written in a directory that may not, and the other way round.
    #[test]
    fn permissions_are_heeded() {
        let name = "outputs permissions";
        let _ = fs::set_permissions(directory(name).join("closed"), fs::Permissions::from_mode(0o755));
        let directory = fresh(name);
        let at = |file: &str| directory.join(file);
        let allow = |file: &str, mode| fs::set_permissions(at(file), fs::Permissions::from_mode(mode)).unwrap();
        fs::create_dir(at("closed")).unwrap();
        fs::write(at("closed/results.json"), "earlier results").unwrap();
        allow("closed", 0o555);
        allow("curves.svg", 0o444);
        if fs::write(at("closed/new"), "").is_ok() {
            println!("nothing is closed to this user");
        } else {
            refused(name, &["--json", "closed/new"], "closed/new: it cannot be written");
            refused(name, &["--plot", "closed/new/x"], "closed/new/x: it cannot be written");
            refused(name, &["--plot", "curves.svg"], "curves.svg: it cannot be written");
            assert!(run(train_in(name, &["--json", "closed/results.json"])).status.success());
            assert!(is_document(&fs::read_to_string(at("closed/results.json")).unwrap()));
        }
        allow("closed", 0o755);
    }

    #[test]
    fn streams_are_written_to_and_stay() {
        let name = "outputs streams";
        let directory = fresh(name);
        // What comes before the table, and the table, are told from the document by its braces.
        let document = |out: &str| {
            let (from, to) = (out.find("\n{\n").unwrap(), out.rfind("\n}").unwrap());
            assert!(out.starts_with("instruction set: ") && out[..from].contains("\nsgd "), "{out}");
            assert!(out[to + 2..].trim_start().starts_with("results: /dev/stdout\nplot: "), "{out}");
            is_document(&out[from..to + 2])
        };
        let to_stdout = ["--optimizer", "sgd", "--json", "/dev/stdout"];
        assert!(document(&text(&run(train_in(name, &to_stdout)).stdout)));
        let file = fs::File::create(directory.join("out.txt")).unwrap();
        assert!(train_in(name, &to_stdout).stdout(file).stderr(Stdio::null()).status().unwrap().success());
        assert!(document(&fs::read_to_string(directory.join("out.txt")).unwrap()));

        assert!(run(train_in(name, &["--json", "/dev/null", "--plot", "/dev/null"])).status.success());
        let null = fs::metadata("/dev/null").unwrap();
        assert!(!null.is_file() && null.rdev() != 0);

        let pipe = directory.join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        assert!(run(train_in(name, &["--json", "pipe", "--plot", "curves.svg"])).status.success());
        assert!(is_document(&reader.join().unwrap()));
        assert!(!fs::metadata(pipe).unwrap().is_file());
    }

    #[test]
    fn files_are_written_if_nobody_reads_the_table() {
        let name = "outputs unread";
        let directory = fresh(name);
        let outputs = ["--epochs", "1000", "--json", "results.json", "--plot", "curves.svg"];
        let mut command = train_in(name, &outputs);
        let mut child = Killed(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut said = child.0.stderr.take().unwrap();
        let mut table = BufReader::new(child.0.stdout.take().unwrap());
        for expected in ["instruction set: ", "training on "] {
            let mut line = String::new();
            table.read_line(&mut line).unwrap();
            assert!(line.starts_with(expected), "{line}");
        }
        drop(table);
        let mut errors = String::new();
        said.read_to_string(&mut errors).unwrap();
        assert!(child.0.wait().unwrap().success() && !errors.contains("verify:"), "{errors}");
        holds(&directory, "results.json", "curves.svg");
    }
}

/// Without a command it checks first, which takes long.
#[test]
fn plot_and_report_are_looked_at_before_the_checks() {
    for file in ["target/lanegrad/training.svg", "target/lanegrad/report.html"] {
        let directory = fresh("outputs early");
        fs::create_dir_all(directory.join(file)).unwrap();
        let output = run(verify("outputs early", &[]));
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(&format!("{file}: it cannot be written")));
        assert_eq!(text(&output.stdout).lines().count(), 1, "{}", text(&output.stdout));
    }
}

/// So does a report.
#[test]
fn a_reports_outputs_are_looked_at_first() {
    let name = "outputs of a report";
    let directory = fresh(name);
    fs::create_dir(directory.join("report.json")).unwrap();
    let refused = |flags: &[&str], reason: &str| {
        let before = snapshot(&directory);
        let output = run(verify(name, &[&["report", "--quick", "--data", "."], flags].concat()));
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(reason), "{said}");
        assert_eq!((text(&output.stdout).lines().count(), snapshot(&directory)), (1, before), "{flags:?}");
    };
    refused(&["--out", "."], ".: it cannot be written");
    refused(&["--out", "/dev/null/x"], "/dev/null/x: it cannot be written");
    refused(&["--out", "x", "--json", "report.json"], "report.json: it cannot be written");
    refused(&["--out", "x", "--json", "./x"], "x and ./x cannot both be written");
    refused(&["--out", "x", "--pictures", "results.json"], ".svg: it cannot be written");
    refused(&["--out", "x", "--pictures", "x"], "cannot both be written");
    refused(&["--out", "pictures/digits.svg", "--pictures", "pictures"], "cannot both be written");
}

#[test]
fn a_planted_faults_output_is_looked_at_first() {
    fresh("outputs of faults");
    let output = run(verify("outputs of faults", &["faults", "--fault", "4", "--isa", "scalar", "--json", "."]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(".: it cannot be written"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1, "{}", text(&output.stdout));
}
