//! Cases of the rules: each names the section of the reference that it is from.

mod backfill;
mod factors;
mod lab;
mod life;
mod limits;
mod main_cycle;
mod preemption;
mod sharing;

use lab::run;

/// A case: the rule and its section, a script, and what it must say.
type Case<'t> = (&'t str, &'t str, &'t str);

/// Runs cases; all that differ are shown at once.
fn check(cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (rule, script, expected) in cases {
        let found = run(script);
        let lines = |text: &str| {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        if lines(&found) != lines(expected) {
            wrong.push(format!("{rule}\n--- expected\n{}\n--- found\n{found}", lines(expected).join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
