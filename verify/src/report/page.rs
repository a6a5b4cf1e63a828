//! The report as one HTML file: the template beside this file, filled. It needs no script and nothing from elsewhere.

use super::about::About;
use super::document::Document;
use super::figure::{Figure, Plot, Table};
use super::figures::Settings;
use super::{chart, numbers};
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;
use std::error::Error;

/// What the template is filled with.
#[derive(Serialize)]
struct Page<'a> {
    about: &'a About,
    settings: Settings,
    verdict: &'a str,
    sections: Vec<Section<'a>>,
    style: String,
}

/// A figure, with what is drawn of it.
#[derive(Serialize)]
struct Section<'a> {
    id: &'a str,
    title: &'a str,
    text: &'a [String],
    source: &'a str,
    plots: Vec<Picture<'a>>,
    tables: &'a [Table],
}

/// A plot, drawn.
#[derive(Serialize)]
struct Picture<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    svg: String,
    legend: Vec<chart::Entry>,
    numbers: Vec<Table>,
}

/// The page.
///
/// # Errors
/// When a plot cannot be drawn or the template has a fault.
pub fn html(document: &Document) -> Result<String, Box<dyn Error>> {
    let Document { about, settings, verdict, figures, .. } = document;
    let sections = figures.iter().map(Section::new).collect::<Result<_, _>>()?;
    let style = chart::style_sheet() + include_str!("page.css");
    let mut templates = Environment::new();
    templates.add_filter("written", numbers::written);
    templates.add_template("page.html", include_str!("page.html"))?;
    let page = Page { about, settings: *settings, verdict, sections, style };
    Ok(templates.get_template("page.html")?.render(Serde(page))?)
}

impl<'a> Section<'a> {
    fn new(figure: &'a Figure) -> Result<Self, chart::Error> {
        let Figure { id, title, text, source, plots, tables, .. } = figure;
        let plots = plots.iter().map(|plot| Picture::new(plot, id)).collect::<Result<_, _>>()?;
        Ok(Self { id, title, text, source, plots, tables })
    }
}

impl<'a> Picture<'a> {
    fn new(plot: &'a Plot, section: &str) -> Result<Self, chart::Error> {
        let Plot { id, title, description, .. } = plot;
        let (svg, legend) = (chart::inline(plot, section)?, chart::legend(plot)?);
        Ok(Self { id, title, description, svg, legend, numbers: numbers::tables(plot) })
    }
}
