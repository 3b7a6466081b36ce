//! normprop: compares normalization methods for neural networks.
//!
//! A run goes one way: TOML → [`config`] → [`engine`] (with [`data`], [`methods`], [`nn`]) → [`event`]s →
//! [`record`] → CSV → [`report`] (with [`draw`] and [`text`]). Nothing flows back.

pub mod bar;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data;
pub mod draw;
pub mod engine;
pub mod error;
pub mod event;
pub mod export;
pub mod follow;
pub mod methods;
pub mod moments;
pub mod nn;
pub mod options;
pub mod output;
pub mod panics;
pub mod probe;
pub mod progress;
pub mod record;
pub mod report;
pub mod run_key;
pub mod stats;
pub mod streams;
pub mod text;
