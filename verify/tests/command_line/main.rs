//! The program `verify` from outside: what it refuses and in which words, what it writes, and that it repeats itself.

mod outputs;
mod report;

use lanegrad_verify::training::Algorithm;
use lanegrad_verify::ulp::{FUNCTIONS, Function};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// `verify` with arguments, in a directory of its own.
fn verify(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
    command.args(arguments).current_dir(directory(name)).env_remove("LANEGRAD_ISA");
    command
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command_line").join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn run(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts that a command is refused: exit status 2, and one sentence of its own that contains `reason`.
#[track_caller]
fn refused(command: Command, reason: &str) {
    let output = run(command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(reason), "{said}");
}

/// Trains on the tiny set in the current directory.
const TINY: [&str; 4] = ["--data", ".", "--layers", "4,3,10"];

/// `verify train` on the tiny set in `name`'s directory.
fn train_in(name: &str, arguments: &[&str]) -> Command {
    verify(name, &[&["train"], &TINY[..], arguments].concat())
}

/// Makes a whole set of 2×2 images: 30 to train on, 10 to test with.
fn tiny_set(name: &str) -> PathBuf {
    let directory = directory(name);
    for (part, count) in [("train", 30_u32), ("t10k", 10)] {
        let header = [0x0803, count, 2, 2].map(u32::to_be_bytes);
        let pixels: Vec<u8> = (0..4 * count).map(|i| (i * i % 251) as u8).collect();
        fs::write(directory.join(format!("{part}-images-idx3-ubyte")), [header.as_flattened(), &pixels].concat())
            .unwrap();
        let header = [0x0801, count].map(u32::to_be_bytes);
        let labels: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
        fs::write(directory.join(format!("{part}-labels-idx1-ubyte")), [header.as_flattened(), &labels].concat())
            .unwrap();
    }
    directory
}

#[test]
fn broken_files_are_named_with_their_fault() {
    let name = "broken";
    type Damage = fn(&mut Vec<u8>);
    let faults: [(&str, Damage, &str); 6] = [
        ("train-images-idx3-ubyte", |file| file[3] = 1, "the magic number is 0x00000801, expected 0x00000803"),
        ("train-images-idx3-ubyte", |file| file.truncate(30), "30 images of 2×2 in 120 bytes, the file holds 14"),
        ("train-images-idx3-ubyte", |file| file[4..8].fill(0xee), "the header claims 4008636142 images of 2×2"),
        ("t10k-images-idx3-ubyte", |file| file[11] = 0, "images of 0×2"),
        ("t10k-labels-idx1-ubyte", |file| file.push(0), "10 labels in 10 bytes, the file holds more"),
        ("t10k-labels-idx1-ubyte", |file| file[9] = 10, "label 1, counted from 0, is 10"),
    ];
    for (file, damage, reason) in faults {
        let path = tiny_set(name).join(file);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        refused(train_in(name, &[]), &format!("{file}: "));
        refused(train_in(name, &[]), reason);
    }
    fs::write(tiny_set(name).join("t10k-images-idx3-ubyte"), [0x1f, 0x8b, 8, 0]).unwrap();
    refused(train_in(name, &[]), "t10k-images-idx3-ubyte: it cannot be read: ");
    fs::remove_file(directory(name).join("t10k-images-idx3-ubyte")).unwrap();
    refused(train_in(name, &[]), "t10k-images-idx3-ubyte: there is no such file");
}

#[test]
fn an_unknown_instruction_set_is_refused_with_those_there_are() {
    for arguments in [&[][..], &["check"], &["train"]] {
        let mut command = verify("isa", arguments);
        command.env("LANEGRAD_ISA", "sse9");
        let output = run(command);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{said}");
        assert!(said.contains("sse9") && said.contains("portable, scalar"), "{said}");
    }
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    tiny_set("empty variable");
    let mut command = train_in("empty variable", &["--optimizer", "sgd"]);
    command.env("LANEGRAD_ISA", "");
    let detected = format!("instruction set: {}", lanegrad::Isa::detect());
    assert_eq!(text(&run(command).stdout).lines().next(), Some(&*detected));

    // Then the checks expect what the processor has, and not nothing.
    let unset = expected_isas_with(None);
    assert!(unset.iter().any(|name| name == "scalar"), "{unset:?}");
    for nothing in ["", " ", ",", " , "] {
        assert_eq!(expected_isas_with(Some(nothing)), unset, "{nothing:?}");
    }
    assert_eq!(expected_isas_with(Some("sse9, scalar,")), ["sse9", "scalar"]);
}

/// What the checks expect when `LANEGRAD_EXPECT_ISAS` is that, asked in a process of its own.
fn expected_isas_with(list: Option<&str>) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_expected_instruction_sets_are_printed", "--nocapture"]);
    child.env_remove("LANEGRAD_EXPECT_ISAS").envs(list.map(|list| ("LANEGRAD_EXPECT_ISAS", list)));
    let printed = text(&run(child).stdout);
    let line = printed.lines().find_map(|line| line.split_once("expected: ")).unwrap().1;
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_expected_instruction_sets_are_printed() {
    println!("expected: {}", lanegrad_verify::check::expected_isas().join(" "));
}

#[test]
fn checks_of_one_instruction_set() {
    let output = run(verify("one", &["check", "--isa", "portable", "--until-wrong"]));
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}");
    // Name, AVX-512, AVX2, portable and scalar, as far as the build has them.
    let row = report.lines().find(|line| line.starts_with("  product of integers")).unwrap();
    assert_eq!(row.split_whitespace().filter(|&cell| cell == "exact").count(), 1, "{row}");
    refused(verify("one", &["check", "--isa", "sse9"]), "sse9");
}

#[test]
fn checks_on_threads_compare_the_same_numbers() {
    let numbers_compared = |threads: &str| {
        let flags = ["check", "--isa", "portable", "--until-wrong", "--threads", threads];
        let output = run(verify("check threads", &flags));
        let report = text(&output.stdout);
        assert!(output.status.success(), "{report}");
        let line = report.lines().find(|line| line.contains("numbers compared")).unwrap();
        line.trim().to_owned()
    };
    let one = numbers_compared("1");
    assert!(one.ends_with("numbers compared"), "{one}");
    assert_eq!(numbers_compared("3"), format!("{one}, on 3 threads"));
}

#[test]
fn a_number_of_threads_is_from_1_to_64() {
    tiny_set("threads");
    for command in [&["check"][..], &["report", "--data", "."], &["train", "--data", "."]] {
        for threads in ["0", "65", "4000", "-1", "abc", ""] {
            let value = format!("--threads={threads}");
            refused(verify("threads", &[command, &[&value]].concat()), "'--threads <N>'");
        }
    }
}

/// `tests/planted.rs` has what comes of it where there is one.
#[test]
fn faults_need_a_copy_that_cargo_builds() {
    refused(verify("faults", &["faults", "--fault", "50"]), "--fault <NUMBER>");
    let mut command = verify("faults", &["faults", "--copy", "copy"]);
    command.env("CARGO", "no/cargo");
    refused(command, "no/cargo, which builds it, cannot be run");
    refused(verify("faults", &["faults", "--copy", "."]), ".: it is not empty");
    let mut command = verify("faults", &["check", "--isa", "scalar", "--until-wrong"]);
    command.env("LANEGRAD_FAULT", "4");
    assert!(run(command).status.success(), "only a copy has faults");
}

#[test]
fn the_instruction_set_in_use_comes_first() {
    tiny_set("first line");
    let mut command = train_in("first line", &["--optimizer", "sgd"]);
    command.env("LANEGRAD_ISA", "scalar");
    assert_eq!(text(&run(command).stdout).lines().next(), Some("instruction set: scalar"));
}

#[test]
fn bad_flags_are_refused_by_name() {
    tiny_set("flags");
    let refused = |arguments: &[&str], reason| refused(train_in("flags", arguments), reason);
    refused(&["--optimizer", "adamw"], "--optimizer <NAME>");
    refused(&["--epochs", "0"], "--epochs <COUNT>");
    refused(&["--batch", "0"], "--batch <COUNT>");
    refused(&["--batch", "many"], "--batch <COUNT>");
    refused(&["--activation", "gelu"], "--activation <NAME>");
    refused(&["--loss", "hinge"], "--loss <NAME>");
    refused(&["--init", "zeros"], "--init <NAME>");
    refused(&["--schedule", "cosine"], "--schedule <NAME[:GAMMA]>");
    refused(&["--schedule", "inverse:x"], "gamma is 'x'");
    refused(&["--schedule", "inverse:0"], "gamma is 0, expected a positive f32");
    refused(&["--momentum-ramp", "0.5,0.9"], "--momentum-ramp <FROM,TO,STEPS>");
    refused(&["--momentum-ramp", "0.9,0.5,10"], "the momentum at the end is 0.5, expected not below that at the start");
    refused(&["--momentum-ramp", "-0.1,0.9,9"], "the momentum at the start is -0.1");
    refused(&["--decay", "-0.1,0.9"], "beta1 is -0.1");
    refused(&["--momentum", "1"], "the momentum is 1, expected in [0, 1)");
    refused(&["--momentum", "-0.5"], "the momentum is -0.5");
    refused(&["--momentum", "0.5", "--momentum-ramp", "0.5,0.9,9"], "cannot be used with");
    refused(&["--decay", "1.5"], "the decay is 1.5");
    refused(&["--decay", "0.9,0.9,0.9"], "--decay has 3 rates");
    refused(&["--epsilon", "-1"], "epsilon is -1");
    refused(&["--learning-rate", "NaN"], "the learning rate is NaN");
    refused(&["--clip-norm", "0"], "the clipping norm is 0");
    refused(&["--clip-value", "-1"], "the clipping value is -1");
    refused(&["--clip-value", "1", "--clip-norm", "1"], "cannot be used with");
    refused(&["--c", "0.5"], "--c does not apply to --loss cross-entropy");
    refused(&["--loss", "squared-error", "--c", "0"], "the factor c is 0");
    refused(&["--output", "tanh"], "softmax cross-entropy needs a last layer without activation");
    refused(&["--seed", "-1"], "--seed");
    refused(&["--json", "/dev/null/x.json"], "/dev/null/x.json: it cannot be written");
    refused(&["--plot", "."], ".: it cannot be written");
}

#[test]
fn bad_sizes_and_directories_are_refused() {
    for (flag, value, reason) in [
        ("--data", "nowhere", "nowhere/train-images-idx3-ubyte: there is no such file"),
        ("--layers", "784", "the layers are 784, expected 784 units in the first"),
        ("--layers", "783,10", "the layers are 783 10, expected"),
        ("--layers", "784,128,11", "and 10 in the last"),
        ("--layers", "784,0,10", "there are no units"),
        ("--layers", "-784,10", "--layers <UNITS,…>"),
        ("--layers", "784,,10", "--layers <UNITS,…>"),
        ("--layers", "784,1000000000,10", "numbers of memory"),
        ("--layers", "784,18446744073709551615,18446744073709551615,10", "numbers of memory"),
    ] {
        refused(verify("sizes", &["train", flag, value]), reason);
    }
}

#[test]
fn flags_without_use_for_the_optimizer_are_refused() {
    tiny_set("useless");
    for (optimizer, flag, value, named) in [
        ("sgd", "--momentum", "0.5", "--momentum"),
        ("adam", "--momentum-ramp", "0.5,0.9,9", "--momentum-ramp"),
        ("momentum", "--epsilon", "1e-8", "--epsilon"),
        ("adagrad", "--decay", "0.9", "--decay with one rate"),
        ("rmsprop", "--decay", "0.9,0.999", "--decay with two rates"),
        ("adam", "--decay", "0.9", "--decay with one rate"),
    ] {
        let command = train_in("useless", &["--optimizer", optimizer, flag, value]);
        refused(command, &format!("{named} does not apply to {optimizer}"));
        assert!(run(train_in("useless", &[flag, value])).status.success(), "all takes {flag}");
    }
}

/// What `verify train` writes as JSON, without the time.
fn results(name: &str, arguments: &[&str]) -> Value {
    let output = run(verify(name, &[&["train", "--json", "results.json"], arguments].concat()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut results: Value = serde_json::from_slice(&fs::read(directory(name).join("results.json")).unwrap()).unwrap();
    for run in results["runs"].as_array_mut().unwrap() {
        assert!(run.as_object_mut().unwrap().remove("examples_per_second").unwrap().as_f64() > Some(0.0));
    }
    results
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    tiny_set("seed");
    let results = |seed| results("seed", &[&["--batch", "7", "--seed", seed], &TINY[..]].concat());
    let first = results("3");
    assert_eq!(first["runs"].as_array().map(Vec::len), Some(7));
    assert_eq!(first, results("3"));
    assert_ne!(first["runs"], results("4")["runs"]);
}

#[test]
fn every_option_reaches_the_run_on_the_embedded_digits() {
    let base = ["--epochs", "1", "--layers", "784,16,10", "--batch", "50"];
    let run = |arguments: &[&str]| results("options", &[&base, arguments].concat())["runs"][0].take();

    let ramp = run(&["--optimizer", "nesterov", "--momentum-ramp", "0.5,0.9,50", "--schedule", "inverse-sqrt:0.1"]);
    let options = &ramp["options"];
    assert_eq!(options["momentum"], serde_json::json!({ "from": 0.5, "to": 0.9, "steps": 50 }));
    assert_eq!((&options["schedule"], &options["gamma"]), (&"inverse-sqrt".into(), &0.1.into()));

    let norm = run(&["--optimizer", "adam", "--clip-norm", "0.5", "--decay", "0.8,0.99", "--init", "he-normal"]);
    let options = &norm["options"];
    assert_eq!((&options["clip_norm"], &options["clip_value"]), (&0.5.into(), &Value::Null));
    assert_eq!((&options["decay"], &options["initialization"]), (&serde_json::json!([0.8, 0.99]), &"he-normal".into()));

    let value = run(&["--optimizer", "rmsprop", "--clip-value", "0.125", "--epsilon", "1e-6", "--activation", "tanh"]);
    let options = &value["options"];
    assert_eq!((&options["clip_value"], &options["epsilon"]), (&0.125.into(), &1e-6.into()));

    let squared = run(&["--optimizer", "sgd", "--loss", "squared-error", "--c", "2", "--schedule", "inverse"]);
    let options = &squared["options"];
    assert_eq!((&options["output"], &options["c"]), (&"sigmoid".into(), &2.0.into()));

    for run in [ramp, norm, value] {
        assert!(run["epochs"][0]["test_accuracy"].as_f64() > Some(0.7), "{run}");
        assert_eq!(run["curve"].as_array().map(Vec::len), Some(6));
    }
}

#[test]
fn ulp_measures_one_function_or_all() {
    let all = run(verify("ulp", &["ulp"]));
    assert!(all.status.success());
    let all = text(&all.stdout);
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    let rows = |name: &str| all.lines().filter(|line| line.trim_start().starts_with(name)).count();
    for Function { name, .. } in FUNCTIONS {
        assert!(rows(name) >= lanegrad::Isa::available().count(), "{all}");
    }
    let one = text(&run(verify("ulp", &["ulp", "--function", "tanh", "--isa", "scalar"])).stdout);
    let row = all.lines().find(|line| line.contains("tanh") && line.contains("scalar")).unwrap();
    // Behind the line with the instruction set in use.
    let (_, one) = one.split_once('\n').unwrap();
    assert!(one.contains(row) && !one.contains("exp") && !one.contains("portable"), "{one}");

    refused(verify("ulp", &["ulp", "--function", "gelu"]), "'gelu'");
    refused(verify("ulp", &["ulp", "--isa", "sse9"]), "'sse9'");
}

#[test]
fn divergence_is_a_result() {
    tiny_set("divergence");
    let steep = ["--optimizer", "sgd", "--learning-rate", "1e38", "--activation", "identity"];
    let run = run(train_in("divergence", &steep));
    assert!(run.status.success());
    assert!(text(&run.stdout).contains("diverged: NaN or infinite after"), "{}", text(&run.stdout));
}

/// What diverges in its last step has a finite loss, the one before that step.
#[test]
fn divergence_in_the_last_step_is_a_result_too() {
    let directory = tiny_set("last step");
    // On black images only the bias learns, and an infinite bias leaves the sigmoid's outputs finite.
    let black = [[0x0803, 30, 2, 2].map(u32::to_be_bytes).as_flattened(), &[0; 120][..]].concat();
    let outputs: [&[&str]; 2] = [
        &["--layers", "4,3,10", "--activation", "identity"],
        &["--layers", "4,10", "--loss", "squared-error", "--c", "1e30"],
    ];
    for flags in outputs {
        let steep = ["--optimizer", "sgd", "--learning-rate", "1e38", "--epochs", "1", "--data", "."];
        let results = results("last step", &[&steep, flags].concat());
        let run = &results["runs"][0];
        assert_eq!((&run["diverged"], &run["epochs"]), (&true.into(), &serde_json::json!([])), "{run}");
        assert_eq!(run["curve"].as_array().map(Vec::len), Some(1), "{run}");
        let table = text(&self::run(verify("last step", &[&["train"], &steep[..], flags].concat())).stdout);
        assert!(table.contains("diverged: NaN or infinite after 30 examples"), "{table}");
        let plot = fs::read_to_string(directory.join("target/lanegrad/training.svg")).unwrap();
        assert!(plot.lines().any(|line| line == "SGD (diverged)"), "{plot}");
        fs::write(directory.join("train-images-idx3-ubyte"), &black).unwrap();
    }
}

#[test]
fn table_and_plot() {
    tiny_set("table");
    let output = text(&run(train_in("table", &["--plot", "made/for/it/curves.svg"])).stdout);
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
    assert!(output.ends_with("plot: made/for/it/curves.svg\n"), "{output}");
    let svg = fs::read_to_string(directory("table").join("made/for/it/curves.svg")).unwrap();
    for algorithm in Algorithm::ALL {
        assert!(output.contains(algorithm.name()), "{output}");
        let name = algorithm.method().name();
        assert!(svg.lines().any(|line| line == name), "{name} is in the plot");
    }
    assert!(svg.lines().any(|line| line == "examples seen"), "{svg}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    tiny_set("pipe");
    let mut command = train_in("pipe", &["--epochs", "200"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("instruction set: "));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(!said.contains("panicked") && !said.contains("verify:"), "{said}");
}
