//! Pictures: horizontal bars as SVG.

use super::digits;
use crate::shared::statistics::{greatest, least, median, number};
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 330.0;
const ROW: f64 = 26.0;
const TOP: f64 = 34.0;

/// One bar for the median of each contestant, with a line from the lowest to the highest value.
pub(super) fn bars(title: &str, contestants: &[(&str, &[f64])]) -> String {
    let highest = contestants.iter().map(|(_, values)| greatest(values)).fold(0.0, f64::max);
    let scale = if highest > 0.0 { (WIDTH - LABELS - 90.0) / highest } else { 0.0 };
    let height = TOP + ROW * number(contestants.len()) + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    for (index, (name, values)) in contestants.iter().enumerate() {
        let y = TOP + ROW * number(index);
        let [low, middle, high] = [least(values), median(values), greatest(values)];
        let [from, length, to] = [LABELS + low * scale, middle * scale, LABELS + high * scale];
        let colour = if name.starts_with("Roster") { "#2b6cb0" } else { "#a0aec0" };
        let (text, bar, line) = (y + 16.0, y + 4.0, y + 12.0);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABELS}\" y=\"{bar:.1}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\n\
             <line x1=\"{from:.1}\" y1=\"{line:.1}\" x2=\"{to:.1}\" y2=\"{line:.1}\" stroke=\"#1a202c\"/>\n\
             <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>\n",
            LABELS - 8.0,
            escaped(name),
            to + 6.0,
            digits(middle),
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_each_contestant_with_its_median() {
        let svg = bars("requests/s", &[("Roster", &[10.0, 30.0, 20.0]), ("a < b", &[5.0])]);
        assert!(svg.contains(">Roster<") && svg.contains(">20<") && svg.contains("a &lt; b"), "{svg}");
    }
}
