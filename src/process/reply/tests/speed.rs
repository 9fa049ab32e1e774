//! Large replies: time near linear in the length. The bounds are wide (a debug build on a busy machine); anything
//! quadratic misses them by far.

use super::super::{clean_plain, clean_speech, health};
use super::GUARD;
use std::time::{Duration, Instant};

const SHAPES: [&str; 21] = [
    "<think>",
    "</think>",
    "<think></think>",
    "<think></",
    "Guard:\n",
    "Guard: ",
    "**Guard:** ",
    "\nsystem",
    "Prisoner:\n",
    "x\n",
    "<|im_",
    "<|im_end|>",
    "\n**",
    "*",
    ">",
    "]",
    "\"",
    ": ",
    "é",
    "囚",
    "I am the prisoner ",
];

#[track_caller]
fn quick(size: usize, limit: Duration, work: impl Fn(&str)) {
    for shape in SHAPES {
        let raw = shape.repeat(size / shape.len());
        let before = Instant::now();
        work(&raw);
        assert!(before.elapsed() < limit, "{shape:?} took {:?}", before.elapsed());
    }
}

#[test]
fn a_mebibyte_is_cleaned_at_once() {
    quick(1 << 20, Duration::from_secs(5), |raw| {
        clean_speech(raw, &GUARD);
        clean_plain(raw);
    });
}

#[test]
fn nested_tags_are_cleaned_at_once() {
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    for raw in [deep("<|im", "_end|>"), deep("<thi<|x|>", "nk></think>"), deep("<think>", "</think>")] {
        let before = Instant::now();
        clean_speech(&raw, &GUARD);
        assert!(before.elapsed() < Duration::from_secs(5), "took {:?}", before.elapsed());
    }
}

#[test]
fn the_health_of_a_long_reply_is_read_at_once() {
    quick(1 << 17, Duration::from_secs(5), |raw| {
        health(raw, &GUARD);
    });
}
