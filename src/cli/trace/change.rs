//! The commands `trace convert`, `trace scale`, `trace slice`, `trace shake` and `trace mix`.

use super::super::args::TraceArguments;
use super::super::trace_args::{
    ConvertArguments, DrawnUnit, MixArguments, ScaleArguments, ShakeArguments, ShakenUnit, SliceArguments,
};
use super::super::{Exit, complain};
use super::all_errors;
use super::pipe::{
    Failed, Job, Source, Trace, end, from_memory, keep, range, resolution, share, span, target, transfer,
    wrong,
};
use super::text::percent;
use crate::base::dist::Unit;
use crate::base::{Diagnostic, Distribution, Set, Span, Time};
use crate::trace::transform::{
    Factor, Mixed, Numbers, Part, Resample, Sampled, Scale, Scaled, Shake, ShakeUnit, Shaken, Slice, Sliced,
    resample,
};
use crate::trace::{ReadReport, Reader, Row, Statistics};
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// `trace convert`.
pub(super) fn convert(arguments: &ConvertArguments) -> Exit {
    end(try_convert(arguments))
}

/// `trace scale`.
pub(super) fn scale(arguments: &ScaleArguments) -> Exit {
    end(try_scale(arguments))
}

/// `trace slice`.
pub(super) fn slice(arguments: &SliceArguments) -> Exit {
    end(try_slice(arguments))
}

/// `trace shake`.
pub(super) fn shake(arguments: &ShakeArguments) -> Exit {
    end(try_shake(arguments))
}

/// `trace mix`.
pub(super) fn mix(arguments: &MixArguments) -> Exit {
    end(try_mix(arguments))
}

/// How a file's note calls it: without folders, so that the same file gives the same bytes wherever
/// it stands.
fn short(file: &str) -> String {
    if file == "-" {
        return "standard input".to_owned();
    }
    Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What a file says of where it comes from.
fn note(trace: &TraceArguments, how: &str) -> String {
    format!("made by seatrial of {}: {how}", short(&trace.file))
}

fn try_convert(arguments: &ConvertArguments) -> Result<(), Failed> {
    let target = target(&arguments.out, None)?;
    let source = Source::new(&arguments.trace)?;
    let open = || -> Result<Trace, Diagnostic> {
        let reader = source.open()?;
        Ok(if arguments.cpu_as_processors { Box::new(ByCpu(reader)) } else { reader })
    };
    let job = Job {
        open: &open,
        target,
        note: note(&arguments.trace, "converted"),
        empty: "the trace has no rows that the format can hold; `--cpu-as-processors` gives pods processors",
        capacity: arguments.trace.processors,
    };
    transfer(&job, &arguments.out)
}

/// Rows without processors, with as many as their tasks request cores.
struct ByCpu(Trace);

impl Reader for ByCpu {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let any = self.0.read(row)?;
        if any && row.processors == 0 && row.cpu_milli > 0 {
            let cores = (row.cpu_milli as u64).div_ceil(1_000).saturating_mul(u64::from(row.tasks));
            row.processors = cores.min(i32::MAX as u64) as u32;
        }
        Ok(any)
    }

    fn report(&self) -> &ReadReport {
        self.0.report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.0.sha256()
    }
}

fn factor(option: &str, text: Option<&str>) -> Result<Factor, Failed> {
    let Some(text) = text else { return Ok(Factor::ONE) };
    let value = share(option, text)?;
    let wrong =
        |message: String| wrong(option, message).found(text).help("a factor of 0.5 halves, 2 doubles");
    Ok(Factor::new(value).map_err(wrong)?)
}

fn try_scale(arguments: &ScaleArguments) -> Result<(), Failed> {
    let source = Source::new(&arguments.trace)?;
    let target = target(&arguments.out, Some(&source.open()?))?;
    let run_times = factor("--run-times", arguments.run_times.as_deref())?;
    let mut scale = Scale {
        arrivals: factor("--arrivals", arguments.arrivals.as_deref())?,
        run_times,
        estimates: match &arguments.estimates {
            Some(text) => factor("--estimates", Some(text))?,
            None => run_times,
        },
        sizes: factor("--sizes", arguments.sizes.as_deref())?,
        resolution: resolution(arguments.resolution.as_deref(), target)?,
        max_processors: arguments.trace.processors,
    };
    if let Some(text) = &arguments.load {
        let goal = share("--load", text)?;
        if goal <= 0.0 {
            return Err(wrong("--load", "a load is above 0").found(text).help("write `0.9` or `90%`").into());
        }
        scale = to_load(arguments, &source, scale, goal)?;
    } else if scale.is_identity() {
        let finding = wrong("trace scale", "nothing is scaled");
        return Err(finding
            .help("give `--load`, `--arrivals`, `--run-times`, `--estimates` or `--sizes`")
            .into());
    }
    let open = || -> Result<Trace, Diagnostic> {
        Ok(Box::new(Scaled::new(source.open()?, machine(scale, &source)?)))
    };
    let Scale { arrivals, run_times, estimates, sizes, .. } = scale;
    let [arrivals, run_times, estimates, sizes] = [arrivals, run_times, estimates, sizes].map(Factor::value);
    let how = format!(
        "scaled, times between submissions by {arrivals}, run times by {run_times}, estimates by {estimates}, sizes by {sizes}"
    );
    let job = Job {
        open: &open,
        target,
        note: note(&arguments.trace, &how),
        empty: "the trace has no rows that can be used",
        capacity: arguments.trace.processors,
    };
    transfer(&job, &arguments.out)
}

/// Sizes are cut to the machine that the header names where none is given: the header stands before the
/// first row.
fn machine(scale: Scale, source: &Source) -> Result<Scale, Diagnostic> {
    let mut reader = source.open()?;
    // An error in the first row is found again where it is told.
    let _ = reader.read(&mut Row::default());
    Ok(Scale { max_processors: scale.max_processors.or(reader.report().header.max_procs), ..scale })
}

/// The scale that brings the load to `goal`.
fn to_load(arguments: &ScaleArguments, source: &Source, scale: Scale, goal: f64) -> Result<Scale, Failed> {
    let mut reader: Trace = Box::new(Scaled::new(source.open()?, machine(scale, source)?));
    let all = match Statistics::collect(&mut reader) {
        Ok(all) => all,
        Err(first) => return Err(Failed::Input(all_errors(first, &mut reader))),
    };
    let processors = arguments.trace.processors.or(reader.report().header.max_procs);
    let processors = processors.ok_or_else(|| {
        wrong("--load", "the trace does not say how many processors the machine has")
            .help("give `--processors`")
    })?;
    let before = all.offered_load(processors).unwrap_or(0.0);
    let scale = scale.to_load(before, goal).map_err(|message| {
        wrong("--load", message).help("a load needs run times, processors, and submissions at several times")
    })?;
    if !arguments.out.quiet {
        let factor = scale.arrivals.value();
        let (before, goal) = (percent(before), percent(goal));
        complain(&format!(
            "load {before} to {goal} of {processors} processors: times between submissions by {factor:.6}\n"
        ));
    }
    Ok(scale)
}

fn try_slice(arguments: &SliceArguments) -> Result<(), Failed> {
    let source = Source::new(&arguments.trace)?;
    let target = target(&arguments.out, Some(&source.open()?))?;
    let time = |option: &str, text: &Option<String>| -> Result<Option<Time>, Failed> {
        text.as_deref().map(|text| span(option, text).map(|span| Time(span.0))).transpose()
    };
    let mut slice = Slice {
        from: time("--from", &arguments.from)?,
        until: time("--until", &arguments.until)?,
        rows: numbers("--rows", arguments.rows.as_deref(), (1, u64::MAX))?,
        users: arguments.user.clone(),
        groups: arguments.group.clone(),
        queues: arguments.queue.clone(),
        partitions: arguments.partition.clone(),
        processors: numbers("--sizes", arguments.sizes.as_deref(), (1, u32::MAX))?,
        cpu_milli: cpu(arguments.cpu.as_deref())?,
        run_times: run_times(arguments.run_time.as_deref())?,
        rebase: None,
    };
    if slice == Slice::default() && !arguments.rebase {
        let finding = wrong("trace slice", "nothing is cut");
        return Err(finding
            .help("give a window, a range of rows, users, queues, sizes, or `--rebase`")
            .into());
    }
    slice.check().map_err(|message| wrong("trace slice", message))?;
    let (first, kept) = survey_slice(Sliced::new(source.open()?, slice.clone()))?;
    slice.rebase = first.filter(|_| arguments.rebase);
    let kept = Arc::new(kept);
    let open = || -> Result<Trace, Diagnostic> {
        Ok(Box::new(Sliced::with_kept(source.open()?, slice.clone(), Arc::clone(&kept))))
    };
    let job = Job {
        open: &open,
        target,
        note: note(&arguments.trace, "a slice"),
        empty: "no row meets every condition; `seatrial trace info` says what the trace covers",
        capacity: arguments.trace.processors,
    };
    transfer(&job, &arguments.out)
}

/// When the first of the rows that stay is submitted, and the numbers of all of them.
fn survey_slice(mut reader: Sliced<Trace>) -> Result<(Option<Time>, Set<i64>), Failed> {
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => {}
            Ok(false) => return Ok((reader.report().first_submit, reader.kept())),
            Err(first) => return Err(Failed::Input(all_errors(first, &mut reader))),
        }
    }
}

/// A range of whole numbers.
fn numbers<T: FromStr<Err: Display> + Copy>(
    option: &str,
    text: Option<&str>,
    all: (T, T),
) -> Result<Option<(T, T)>, Failed> {
    let Some(text) = text else { return Ok(None) };
    let (low, high) = range(option, text)?;
    let number = |end: Option<&str>, other: T| match end {
        None => Ok(other),
        Some(end) => end.parse::<T>().map_err(|error| {
            Failed::from(
                wrong(option, format!("not a whole number: {error}"))
                    .found(end)
                    .help("write `4-64`, `4-`, `-64` or `4`"),
            )
        }),
    };
    Ok(Some((number(low, all.0)?, number(high, all.1)?)))
}

/// A range of CPU requests in millicores.
fn cpu(text: Option<&str>) -> Result<Option<(i64, i64)>, Failed> {
    let Some(text) = text else { return Ok(None) };
    let (low, high) = range("--cpu", text)?;
    let milli = |end: Option<&str>, other: i64| match end {
        None => Ok(other),
        Some(end) => match Distribution::parse(end, Unit::Quantity) {
            Ok(Distribution::Constant(cores)) => Ok((cores * 1e3).round() as i64),
            _ => Err(Failed::from(wrong("--cpu", "not an amount of CPU").found(end).help("write `500m-4`"))),
        },
    };
    Ok(Some((milli(low, 0)?, milli(high, i64::MAX)?)))
}

/// A range of run times.
fn run_times(text: Option<&str>) -> Result<Option<(Span, Span)>, Failed> {
    let Some(text) = text else { return Ok(None) };
    let (low, high) = range("--run-time", text)?;
    let end = |end: Option<&str>, other: Span| end.map_or(Ok(other), |end| span("--run-time", end));
    Ok(Some((end(low, Span::ZERO)?, end(high, Span::MAX)?)))
}

fn try_shake(arguments: &ShakeArguments) -> Result<(), Failed> {
    let source = Source::new(&arguments.trace)?;
    let target = target(&arguments.out, Some(&source.open()?))?;
    let gap = arguments.gap.as_deref().map_or(Ok(Shake::SESSION_GAP), |text| span("--gap", text))?;
    if arguments.gap.is_some() && arguments.unit == ShakenUnit::Job {
        return Err(wrong("--gap", "there are no sessions").help("add `--unit session`").into());
    }
    let shake = Shake {
        bound: arguments.by.as_deref().map_or(Ok(Shake::default().bound), |text| span("--by", text))?,
        resolution: resolution(arguments.resolution.as_deref(), target)?,
        unit: match arguments.unit {
            ShakenUnit::Job => ShakeUnit::Row,
            ShakenUnit::Session => ShakeUnit::Session { gap },
        },
    };
    let shakes = !arguments.resample || arguments.by.is_some();
    if shakes {
        shake.check().map_err(|message| {
            let help = "a shift such as `--by 30s`, above `--resolution`";
            wrong("--by", message).help(help)
        })?;
    }
    let drawn = if arguments.resample { Some(draw(arguments, &source)?) } else { None };
    let open = || -> Result<Trace, Diagnostic> {
        let reader = match &drawn {
            Some((rows, report)) => from_memory(rows, report),
            None => source.open()?,
        };
        if !shakes {
            return Ok(reader);
        }
        let shaken = Shaken::new(reader, arguments.seed, shake).map_err(|message| wrong("--by", message))?;
        Ok(Box::new(shaken))
    };
    let job = Job {
        open: &open,
        target,
        note: note(&arguments.trace, &shaken_how(arguments, shakes.then_some(shake))),
        empty: "the trace has no rows that can be used",
        capacity: arguments.trace.processors,
    };
    transfer(&job, &arguments.out)
}

/// What was done, for the file's note.
fn shaken_how(arguments: &ShakeArguments, shake: Option<Shake>) -> String {
    let users = arguments.resample.then(|| "users drawn anew".to_owned());
    let moved = shake.map(|shake| {
        let unit = match shake.unit {
            ShakeUnit::Row => "job".to_owned(),
            ShakeUnit::Session { gap } => format!("session (pauses up to {gap})"),
        };
        format!("shaken by up to {} in steps of {} for each {unit}", shake.bound, shake.resolution)
    });
    let parts: Vec<String> = users.into_iter().chain(moved).collect();
    format!("{}, seed {}", parts.join(", "), arguments.seed)
}

/// The rows of drawn users, with the report of the trace that they come from.
fn draw(arguments: &ShakeArguments, source: &Source) -> Result<(Arc<[Row]>, ReadReport), Failed> {
    let (rows, mut report) = keep(&mut source.open()?)?;
    let period = arguments.period.as_deref().map_or(Ok(Resample::WEEK), |text| span("--period", text))?;
    let options = Resample { users: arguments.users, period };
    let new = resample(&rows, arguments.seed, options)
        .map_err(|message| wrong("--resample", message).help("users are drawn where rows name them"))?;
    if !arguments.out.quiet {
        let moved = if new.periods < 2 {
            format!("not moved: the trace does not cover two periods of {period}")
        } else {
            format!("moved within {} periods of {period}", new.periods)
        };
        let (drawn, distinct, users) = (new.drawn, new.distinct, new.users);
        complain(&format!("{drawn} users drawn, {distinct} of the {users} at least once; {moved}\n"));
        if new.without_user > 0 {
            complain(&format!("{} rows name no user and stay as they are\n", new.without_user));
        }
        if new.lost_dependencies > 0 {
            complain(&format!("{} dependencies are left out\n", new.lost_dependencies));
        }
    }
    report.header.remove("EndTime");
    report.used = new.rows.len() as u64;
    report.rows = report.used + report.dropped_rows();
    Ok((new.rows.into(), report))
}

fn try_mix(arguments: &MixArguments) -> Result<(), Failed> {
    let count = arguments.files.len();
    if arguments.files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(wrong("-", "standard input can be read once only").help("name it once").into());
    }
    let fits = |option: &str, given: usize| {
        let message = format!("{given} values for {count} traces");
        let finding = wrong(option, message).help("give one for each trace, with commas between");
        if given == 0 || given == count { Ok(()) } else { Err(Failed::from(finding)) }
    };
    fits("--offset", arguments.offset.len())?;
    fits("--weight", arguments.weight.len())?;
    let mut sources = Vec::new();
    let mut formats = Vec::new();
    for (index, file) in arguments.files.iter().enumerate() {
        let trace = TraceArguments {
            file: file.clone(),
            trace_format: arguments.trace_format,
            swf_processors: arguments.swf_processors,
            keep_zero_run: arguments.keep_zero_run,
            processors: arguments.processors,
        };
        let source = Source::new(&trace)?;
        let offset = arguments.offset.get(index).map_or(Ok(Span::ZERO), |text| span("--offset", text))?;
        let weight = arguments.weight.get(index).map_or(Ok(1.0), |text| share("--weight", text))?;
        let mut reader = source.open()?;
        let numbers = survey(&mut reader)?;
        formats.push(reader);
        sources.push((source, Part { offset, weight, numbers }));
    }
    let sampled = match arguments.weight_by {
        DrawnUnit::Jobs => Sampled::Jobs,
        DrawnUnit::Users => Sampled::Users,
    };
    let other = formats.iter().find(|reader| !reader.report().format.starts_with("swf"));
    let target = target(&arguments.out, other.or(formats.first()))?;
    let open = || -> Result<Trace, Diagnostic> {
        let parts = sources.iter().map(|(source, part)| Ok((source.open()?, *part)));
        let mixed = Mixed::new(parts.collect::<Result<Vec<_>, Diagnostic>>()?, sampled, arguments.seed);
        Ok(Box::new(mixed.map_err(|message| {
            let finding = wrong("trace mix", message.clone());
            if message.contains("weight") {
                let help =
                    "a weight is the share of rows that is kept; to make more of a trace, name it twice";
                finding.help(help)
            } else {
                finding
            }
        })?))
    };
    let names: Vec<String> = arguments.files.iter().map(|file| short(file)).collect();
    let job = Job {
        open: &open,
        target,
        note: format!("made by seatrial: a mix of {}, seed {}", names.join(", "), arguments.seed),
        empty: "the traces have no rows that can be used, or none was drawn",
        capacity: arguments.processors,
    };
    transfer(&job, &arguments.out)
}

/// The numbers that a trace uses.
fn survey(reader: &mut Trace) -> Result<Numbers, Failed> {
    let mut numbers = Numbers::default();
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => numbers.add(&row),
            Ok(false) => return Ok(numbers),
            Err(first) => return Err(Failed::Input(all_errors(first, reader))),
        }
    }
}
