//! The exercises of `scenarios/classroom`: solved by the tool to the numbers of their pages, graded, and
//! told in `docs/teaching.md` as they are.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs the binary in the folder of the package: exit code, standard output, standard error.
fn seatrial(arguments: &[&str]) -> (i32, String, String) {
    common::seatrial(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, "")
}

/// The folders of the exercises, relative to that of the package.
fn exercises() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(root.join("scenarios/classroom")).expect("it is checked in");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("it is readable").path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let relative =
        |folder: &PathBuf| folder.strip_prefix(root).expect("it is within").to_string_lossy().into_owned();
    folders.iter().map(relative).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

fn scratch(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the scratch folder can be written");
    path.to_string_lossy().into_owned()
}

/// The charts beside the pages are what the tool draws.
#[test]
fn the_charts_of_the_pages_are_current() {
    for folder in exercises() {
        let page = read(&format!("{folder}/README.md"));
        let charts: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("![Gantt chart of ")).collect();
        assert!(!charts.is_empty(), "{folder} has charts");
        for chart in charts {
            let name = chart.split(']').next().expect("it has a name");
            let out = format!("{}/classroom-charts", env!("CARGO_TARGET_TMPDIR"));
            let scenario = format!("{folder}/{name}.yaml");
            let (code, _, err) =
                seatrial(&["run", &scenario, "--quiet", "--outputs", "charts", "--out", &out]);
            assert_eq!(code, 0, "{err}");
            let drawn = fs::read_to_string(Path::new(&out).join("charts/gantt.svg")).expect("it is drawn");
            assert!(drawn == read(&format!("{folder}/{name}.svg")), "{folder}/{name}.svg is drawn anew");
        }
    }
}

#[test]
fn every_scenario_of_the_classroom_meets_its_expectations() {
    let mut files = Vec::new();
    for folder in exercises() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).expect("it is there") {
            let name = entry.expect("it is readable").file_name().to_string_lossy().into_owned();
            let file = format!("{folder}/{name}");
            if has_ending(&name, "yaml") && read(&file).contains("\napiVersion: seatrial/v1\n") {
                assert!(read(&file).contains("\nexpect:\n"), "{file} expects something");
                files.push(file);
            }
        }
    }
    assert!(files.len() >= 20, "{files:?}");
    let mut arguments = vec!["run", "--outputs", "none"];
    arguments.extend(files.iter().map(String::as_str));
    let (code, out, err) = seatrial(&arguments);
    let unmet: Vec<&str> = out.lines().filter(|line| line.contains("not met")).collect();
    assert_eq!((code, unmet, err.as_str()), (0, vec![], ""));
}

#[test]
fn every_exercise_is_solved_in_its_page() {
    let folders = exercises();
    assert!(folders.len() >= 8, "{folders:?}");
    for folder in &folders {
        let (code, solution, err) = seatrial(&["grade", folder, "--solution"]);
        assert_eq!((code, err.as_str()), (0, ""), "{folder}");
        let file = format!("{folder}/solution.yaml");
        assert!(solution == read(&file), "{file} is not what `seatrial grade {folder} --solution` prints");
        let (code, graded, err) = seatrial(&["grade", folder, &file]);
        assert_eq!((code, err.as_str()), (0, ""), "{graded}");
        let page = read(&format!("{folder}/README.md"));
        let answers = solution.split("answers:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        for line in answers.unwrap_or_default().lines().filter(|line| !line.trim_start().starts_with('#')) {
            let (id, value) = line.trim().split_once(": ").expect("an answer has a value");
            let row = page.lines().find(|row| row.contains(&format!("`{id}`")));
            let row = row.unwrap_or_else(|| panic!("{folder}: the page does not answer `{id}`"));
            let rounded = value.parse::<f64>().map_or_else(
                |_| value.to_owned(),
                |value| {
                    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.3}") }
                },
            );
            let shown = rounded.trim_end_matches('0').trim_end_matches('.');
            let is_there = |text: &str| row.contains(&format!(" {text} "));
            assert!(
                is_there(&rounded) || is_there(shown),
                "{folder}: {id} is {rounded}, the page says {row}"
            );
        }
        for chart in solution.split("\n# The run `").skip(1) {
            let chart: Vec<&str> = chart.lines().skip(1).map_while(|line| line.strip_prefix('#')).collect();
            let chart = chart.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>();
            assert!(page.contains(&chart.join("\n")), "{folder}: the page lacks\n{}", chart.join("\n"));
        }
    }
}

#[test]
fn tables_are_short_enough_to_be_solved_by_hand() {
    for folder in exercises() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).expect("it is there") {
            let name = entry.expect("it is readable").file_name().to_string_lossy().into_owned();
            if has_ending(&name, "csv") {
                let rows = read(&format!("{folder}/{name}")).lines().count() - 1;
                assert!((1..=10).contains(&rows), "{folder}/{name} has {rows} jobs");
            }
        }
    }
}

#[test]
fn every_student_has_an_exercise_that_can_be_solved() {
    for folder in exercises() {
        let mut sheets = BTreeSet::new();
        for student in ["ann", "bob", "Chen Li", "D'Arcy", "42"] {
            let (code, sheet, _) = seatrial(&["grade", &folder, "--print", "--student", student]);
            let again = seatrial(&["grade", &folder, "--print", "--student", student]).1;
            assert_eq!((code, &sheet), (0, &again), "{folder} {student}");
            sheets.insert(sheet.lines().skip(1).take_while(|line| line.starts_with('#')).collect::<String>());
            let (_, solution, _) = seatrial(&["grade", &folder, "--solution", "--student", student]);
            let file = scratch(&format!("{}-{student}.yaml", folder.replace('/', "-")), &solution);
            let (code, graded, err) = seatrial(&["grade", &folder, &file]);
            assert_eq!((code, err.as_str()), (0, ""), "the name in the file chooses the variant: {graded}");
        }
        if read(&format!("{folder}/grade.yaml")).contains("\nvariants:") {
            assert!(sheets.len() > 1, "{folder}: all students have the same jobs");
        }
    }
}

#[test]
fn an_empty_sheet_fails_and_names_every_question() {
    let folder = "scenarios/classroom/04-backfilling";
    let (_, sheet, _) = seatrial(&["grade", folder, "--print"]);
    let (code, graded, err) = seatrial(&["grade", folder, &scratch("empty-sheet.yaml", &sheet)]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert_eq!(graded.matches("not answered").count(), 8, "{graded}");
    assert!(graded.ends_with("0 of 8 checks passed\n"));
}

#[test]
fn policies_are_held_to_their_task() {
    let folder = "scenarios/classroom/04-backfilling";
    let grade = |name: &str, policy: &str| {
        seatrial(&[
            "grade",
            folder,
            &scratch(name, &format!("policy: {{controlPlane: {{batch: {policy}}}}}\n")),
        ])
    };
    let (code, graded, _) = grade("policy-good.yaml", "{backfill: conservative}");
    assert!(code == 0 && graded.ends_with("2 of 2 checks passed\n"), "{graded}");
    let (code, graded, _) = grade("policy-easy.yaml", "{backfill: easy}");
    assert_eq!(code, 1);
    let graded = graded.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(graded.contains("job 3 starts at 33 s, not at 20 s"), "{graded}");
    assert!(graded.contains("until 33 s it waited: needs 5, free 4"), "{graded}");
    let (code, _, err) = grade("policy-typo.yaml", "{backfill: eazy}");
    assert!(
        code == 2 && err.contains("did you mean `easy`?") && err.contains("policy-typo.yaml:1:"),
        "{err}"
    );
    let file = scratch("policy-cluster.yaml", "policy: {cluster: {processors: 50}}\n");
    let (code, _, err) = seatrial(&["grade", folder, &file]);
    assert!(code == 2 && err.contains("the exercise does not let you change this"), "{err}");
    assert!(err.contains("cluster.processors"), "{err}");
    let file = scratch("policy-nowhere.yaml", "policy: {}\n");
    assert_eq!(seatrial(&["grade", "scenarios/classroom/01-convoy", &file]).0, 2);
}

#[test]
fn what_a_job_on_nodes_waits_for_is_said() {
    let file = scratch("gangs.yaml", "answers: {whole-start-2: 30}\n");
    let (code, graded, _) = seatrial(&["grade", "scenarios/classroom/10-gangs", &file]);
    let graded = graded.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "at 30 s jobs-2 waits: needs room for 6 tasks at once, there is room for 2";
    assert!(code == 1 && graded.contains(said), "{graded}");
}

#[test]
fn what_cannot_be_used_is_exit_code_2_and_says_where() {
    let folder = "scenarios/classroom/04-backfilling";
    for (name, text, words) in [
        ("a.yaml", "answers: {easy-strat-4: 3}\n", "did you mean `easy-start-4`?"),
        ("b.yaml", "answers: {easy-start-4: three}\n", "this is no number"),
        ("c.yaml", "answer: {easy-start-4: 3}\n", "did you mean `answers`?"),
        ("d.yaml", "student: ann\n", "there is nothing to grade"),
        ("e.yaml", "- 3\n", "expected a mapping"),
        ("f.yaml", "answers: {easy-start-4: [3]}\n", "expected a single value"),
        ("g.yaml", "", "the file is empty"),
    ] {
        let (code, out, err) = seatrial(&["grade", folder, &scratch(name, text)]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}");
        assert!(err.contains(words), "{text}: {err}");
    }
    assert_eq!(seatrial(&["grade", folder]).0, 2, "a submission is missing");
    assert_eq!(seatrial(&["grade", "scenarios", "--print"]).0, 2, "no exercise");
    assert_eq!(seatrial(&["grade", folder, "gone.yaml"]).0, 2);
    let file = scratch("other.yaml", "student: ann\nanswers: {easy-start-4: 3}\n");
    let (code, _, err) = seatrial(&["grade", folder, &file, "--student", "bob"]);
    assert!(code == 2 && err.contains("another student"), "{err}");
}

#[test]
fn verdicts_as_json() {
    let folder = "scenarios/classroom/04-backfilling";
    let file = scratch("json.yaml", "answers: {easy-start-4: 10, easy-start-5: 4}\n");
    let (code, out, _) = seatrial(&["grade", folder, &file, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &value["passed"], &value["of"]), (1, &1.into(), &8.into()));
    assert_eq!(value["checks"][1]["id"], "easy-start-4");
    assert!(value["checks"][1]["feedback"][0].as_str().is_some_and(|text| text.starts_with("too late")));
}

/// Whether a text is what a page tells, where a line `…` stands for any lines.
fn is_told(printed: &str, told: &str) -> bool {
    let mut rest = printed.trim_end();
    for (place, part) in told.trim_end().split("…\n").flat_map(|part| part.split("\n…")).enumerate() {
        match rest.find(part.trim_end()) {
            Some(at) if place > 0 || at == 0 => rest = &rest[at + part.trim_end().len()..],
            _ => return false,
        }
    }
    rest.is_empty() || told.trim_end().ends_with('…')
}

/// The commands of a page with what they print, as the blocks ```` ```console ```` show them.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
            continue;
        }
        match line.strip_prefix("$ ") {
            Some(command) if inside => found.push((command.to_owned(), String::new())),
            None if inside => {
                if let Some((_, out)) = found.last_mut() {
                    out.push_str(line);
                    out.push('\n');
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_first_hour_of_a_teacher_is_as_told() {
    let commands = commands(&read("docs/teaching.md"));
    assert!(commands.len() >= 7, "{} commands", commands.len());
    are_as_told(commands);
}

#[test]
fn the_deadlock_on_the_page_of_nodes_is_as_told() {
    let commands = commands(&read("docs/fleet.md"));
    assert_eq!(commands.len(), 1, "{commands:?}");
    are_as_told(commands);
}

fn are_as_told(commands: Vec<(String, String)>) {
    for (command, told) in commands {
        let mut words = command.split_whitespace();
        assert_eq!(words.next(), Some("seatrial"), "{command}");
        let (_, out, err) = seatrial(&words.collect::<Vec<_>>());
        let printed = out + &err;
        assert!(is_told(&printed, &told), "$ {command}\n{printed}\ninstead of\n{told}");
    }
}
