//! Whole commands, as a person or a program meets them: what they print, where, and with which exit code.

mod support;

mod check;
mod data;
mod hostile;
mod listing;
mod looking;
mod models;
mod new;
