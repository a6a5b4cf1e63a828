//! A report: who took part, a table a group of cells, and a summary; on paper 80 columns wide, in JSON, and as a plot.

use crate::command_line::Options;
use crate::environment;
use crate::rounds::Times;
use crate::{Error, plot};
use lanegrad::Backend;
use lanegrad_verify::output::Output;
use serde::Serialize;
use std::collections::BTreeMap;

const WIDTH: usize = 80;

/// Everything that was measured. Fields are only ever added; `format` changes when one changes its meaning.
#[derive(Serialize)]
pub(crate) struct Report {
    /// `lanegrad-peers-1`
    format: &'static str,
    processor: String,
    isa: &'static str,
    threads: usize,
    date: String,
    rounds: usize,
    round_ms: f64,
    /// Who took part.
    peers: BTreeMap<String, String>,
    cells: Vec<Cell>,
}

/// A case: everyone's figure beside the machine's limit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    group: String,
    case: String,
    unit: &'static str,
    limit: Option<f64>,
    ours: Option<f64>,
    peers: Vec<Standing>,
}

#[derive(Clone, Debug, Serialize)]
struct Standing {
    name: String,
    figure: f64,
    /// How many times as fast as the peer we are: the median over the rounds.
    ratio: Option<f64>,
}

impl Cell {
    /// Figures are work done a second, in `unit`: more is better.
    pub(crate) fn of_rates(case: String, unit: &'static str, work: f64, limit: f64, times: Times) -> Self {
        Self::of_figures(case, unit, limit, times, |seconds| work / seconds)
    }

    /// Figures are `factor` · seconds, in `unit`: less is better.
    pub(crate) fn of_times(case: String, unit: &'static str, factor: f64, limit: f64, times: Times) -> Self {
        Self::of_figures(case, unit, limit, times, |seconds| factor * seconds)
    }

    fn of_figures(case: String, unit: &'static str, limit: f64, times: Times, figure: impl Fn(f64) -> f64) -> Self {
        let peers = times.peers.into_iter().map(|peer| Standing {
            name: peer.name,
            figure: figure(peer.seconds),
            ratio: Some(peer.ratio),
        });
        let (peers, ours) = (peers.collect(), Some(figure(times.ours)));
        Self { group: String::new(), case, unit, limit: Some(limit), ours, peers }
    }

    /// Limits alone, each with its name.
    pub(crate) fn of_limits(case: &str, unit: &'static str, limits: &[(&str, f64)]) -> Self {
        let limits = limits.iter().map(|&(name, figure)| Standing { name: name.to_owned(), figure, ratio: None });
        Self { group: String::new(), case: case.to_owned(), unit, limit: None, ours: None, peers: limits.collect() }
    }

    /// The peer that does best beside us.
    fn best(&self) -> Option<(&str, f64)> {
        let ratios = self.peers.iter().filter_map(|peer| Some((peer.name.as_str(), peer.ratio?)));
        ratios.min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    fn standing(&self, name: &str) -> Option<&Standing> {
        self.peers.iter().find(|peer| peer.name == name)
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn case(&self) -> &str {
        &self.case
    }

    /// Ours ÷ the best peer's.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.best().map(|(_, ratio)| ratio)
    }
}

impl Report {
    pub(crate) fn new(backend: &Backend, options: &Options) -> Self {
        let rounds = options.rounds();
        Self {
            format: "lanegrad-peers-1",
            processor: environment::processor(),
            isa: backend.isa().name(),
            threads: options.threads,
            date: environment::date(),
            rounds: rounds.count,
            round_ms: rounds.time.as_secs_f64() * 1e3,
            peers: BTreeMap::new(),
            cells: Vec::new(),
        }
    }

    /// Introduces somebody who takes part.
    pub(crate) fn describe(&mut self, name: &str, description: String) {
        self.peers.insert(name.to_owned(), description);
    }

    pub(crate) fn add(&mut self, group: &str, cell: Cell) {
        self.cells.push(Cell { group: group.to_owned(), ..cell });
    }

    pub(crate) fn print_header(&self) {
        let Self { processor, isa, threads, date, rounds, round_ms, .. } = self;
        println!("{processor}\n{date}; ours on {isa}; {rounds} rounds of {round_ms} ms and more");
        match threads {
            1 => println!("1 thread each"),
            _ => println!("{threads} threads, for the peers that take them"),
        }
        for (name, description) in &self.peers {
            println!("  {name}: {description}");
        }
    }

    /// Prints the table of a group. Columns that do not fit beside the others follow below them.
    pub(crate) fn print_group(&self, group: &str) {
        let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.group == group).collect();
        let case = Column::new("", cells.iter().map(|cell| cell.case.clone()));
        let column = |heading, figure: &dyn Fn(&Cell) -> Option<String>| {
            let figures: Vec<Option<String>> = cells.iter().map(|&cell| figure(cell)).collect();
            let is_there = figures.iter().any(Option::is_some);
            is_there.then(|| Column::new(heading, figures.into_iter().map(|figure| figure.unwrap_or_else(dash))))
        };
        let mut columns: Vec<Column> = [
            column("ours", &|cell| cell.ours.map(number)),
            column("limit", &|cell| cell.limit.map(number)),
            column("ours ÷-best", &|cell| cell.ratio().map(|ratio| format!("{ratio:.2}"))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let names = names(&cells);
        for name in &names {
            let figure = |cell: &Cell| {
                let mark = if cell.best().is_some_and(|(best, _)| best == *name) { "*" } else { " " };
                cell.standing(name).map(|standing| number(standing.figure) + mark)
            };
            columns.extend(column(name, &figure));
        }
        println!("\n{group}, {}", cells.first().map_or("", |cell| cell.unit));
        while !columns.is_empty() {
            let mut width = case.width;
            let fitting = columns.iter().take_while(|column| {
                width += 1 + column.width;
                width <= WIDTH
            });
            let rest = columns.split_off(fitting.count().max(1));
            print_columns(&case, &columns);
            columns = rest;
        }
    }

    fn print_summary(&self) {
        let all: Vec<&Cell> = self.cells.iter().filter(|cell| cell.ratio().is_some()).collect();
        if all.is_empty() {
            return;
        }
        let mut groups: Vec<&str> = all.iter().map(|cell| cell.group.as_str()).collect();
        groups.dedup();
        let place = |cell: &Cell| match groups.len() {
            1 => cell.case.clone(),
            _ => format!("{} {}", cell.case, cell.group),
        };
        println!("\nOurs ÷ the best peer (marked *), by time; above 1, ours is faster:");
        println!("{:<24} {:>5} {:>7} {:>7}  at", "", "cells", "g. mean", "minimum");
        for group in groups.iter().filter(|_| groups.len() > 1) {
            let cells = all.iter().filter(|cell| cell.group == *group);
            print_summary_line(group, cells.filter_map(|cell| Some((cell.ratio()?, cell.case.clone()))).collect());
        }
        print_summary_line("all", all.iter().filter_map(|cell| Some((cell.ratio()?, place(cell)))).collect());
        println!("Ours ÷ each of them:");
        for name in names(&all) {
            let ratios = all.iter().filter_map(|cell| Some((cell.standing(&name)?.ratio?, place(cell))));
            print_summary_line(&name, ratios.collect());
        }
    }

    /// Prints the summary, and writes the files that were asked for.
    pub(crate) fn finish(&self, json: Option<Output>, plot: Option<Output>) -> Result<(), Error> {
        self.print_summary();
        if let Some(mut json) = json {
            json.write(&(serde_json::to_string_pretty(self)? + "\n"))?;
        }
        if let Some(mut plot) = plot {
            let name = |cell: &Cell| format!("{}  {}", cell.group(), cell.case());
            let dots = self.cells.iter().filter_map(|cell| Some((name(cell), cell.ratio()?)));
            plot.write(&plot::ratios(&dots.collect::<Vec<_>>())?)?;
        }
        Ok(())
    }
}

/// The peers of some cells, in the order in which they were measured.
fn names(cells: &[&Cell]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for peer in cells.iter().flat_map(|cell| &cell.peers) {
        if !names.contains(&peer.name) {
            names.push(peer.name.clone());
        }
    }
    names
}

/// A column of a table, its heading broken at hyphens.
struct Column {
    heading: Vec<String>,
    rows: Vec<String>,
    width: usize,
}

impl Column {
    fn new(heading: &str, rows: impl Iterator<Item = String>) -> Self {
        let heading: Vec<String> = heading.split('-').map(str::to_owned).collect();
        let rows: Vec<String> = rows.collect();
        let width = heading.iter().chain(&rows).map(|text| text.chars().count()).max().unwrap_or(0).max(6);
        Self { heading, rows, width }
    }
}

fn print_columns(case: &Column, columns: &[Column]) {
    let lines = columns.iter().map(|column| column.heading.len()).max().unwrap_or(0);
    let line = |first: &str, others: &mut dyn Iterator<Item = (&str, usize)>| {
        let mut text = format!("{first:<width$}", width = case.width);
        for (other, width) in others {
            text.push_str(&format!(" {other:>width$}"));
        }
        println!("{}", text.trim_end());
    };
    for i in 0..lines {
        // Headings of fewer lines stand at the bottom.
        let part = |column: &Column| (i + column.heading.len()).checked_sub(lines);
        line("", &mut columns.iter().map(|column| (part(column).map_or("", |i| &*column.heading[i]), column.width)));
    }
    for (i, first) in case.rows.iter().enumerate() {
        line(first, &mut columns.iter().map(|column| (&*column.rows[i], column.width)));
    }
}

fn print_summary_line(name: &str, ratios: Vec<(f64, String)>) {
    let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let minimum = ratios.iter().min_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((minimum, place)) = minimum {
        let line = format!("{name:<24} {:>5} {mean:>7.2} {minimum:>7.2}  {place}", ratios.len());
        println!("{line}");
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => dash(),
        0.0..9.995 => format!("{value:.2}"),
        0.0..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn dash() -> String {
    "–".to_owned()
}
