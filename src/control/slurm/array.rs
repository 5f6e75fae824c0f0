//! Job arrays: `1-10:2%3` becomes tasks of which a number may run at a time.

/// The most tasks of an array (`MaxArraySize`).
pub const MAX_ARRAY_SIZE: u32 = 1001;

/// A task of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArrayTask {
    /// The number of the array, which is that of its first job.
    pub array: u32,
    /// The task's index.
    pub task: u32,
    /// How many of the array's tasks may run at a time; 0 for all.
    pub at_a_time: u32,
}

/// The tasks of an array expression, and how many may run at a time (0 for all).
///
/// # Errors
/// What is wrong with it, in words that follow "array expression".
pub fn parse(text: &str) -> Result<(Vec<u32>, u32), &'static str> {
    let (ranges, at_a_time) = match text.split_once('%') {
        Some((ranges, number)) => (ranges, number_of(number)?),
        None => (text, 0),
    };
    let mut tasks = Vec::new();
    for range in ranges.split(',') {
        let (range, step) = match range.split_once(':') {
            Some((range, step)) => (range, number_of(step)?),
            None => (range, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number_of(first)?, number_of(last)?),
            None => (number_of(range)?, number_of(range)?),
        };
        if step == 0 {
            return Err("has a step of 0");
        }
        if last < first {
            return Err("has a range that runs backwards");
        }
        if last >= MAX_ARRAY_SIZE {
            return Err("has an index above 1000 (MaxArraySize)");
        }
        tasks.extend((first..=last).step_by(step as usize));
    }
    tasks.sort_unstable();
    tasks.dedup();
    Ok((tasks, at_a_time))
}

fn number_of(text: &str) -> Result<u32, &'static str> {
    text.trim().parse().map_err(|_| "holds something that is not a number")
}
