// Looks at the report from inside: .ci/browser.sh puts this script and the JSON document into a copy of the page, and opens it in a
// frame. The frame's address says what to expect: its width, and whether the surroundings are light or dark.
"use strict";

const [expectedWidth, expectedScheme] = location.hash.slice(1).split("-");

const failures = [];
const counts = { plots: 0, texts: 0, cells: 0 };
const fail = what => failures.push(what);
const check = (fact, what) => { if (!fact) fail(what); };

for (const level of ["debug", "log", "info", "warn", "error", "assert", "trace"]) {
    console[level] = (...words) => fail(`console.${level}: ${words.join(" ")}`);
}
addEventListener("error", event => fail(`error: ${event.message || event.target.outerHTML}`), true);
addEventListener("securitypolicyviolation", event => fail(`request: ${event.blockedURI} (${event.violatedDirective})`));

addEventListener("load", () => {
    const report = JSON.parse(document.getElementById("expected-report").textContent);
    document.querySelectorAll("#expected-report, #expected-script").forEach(element => element.remove());
    document.querySelectorAll("details").forEach(details => { details.open = true; });
    try {
        surroundings();
        nothingFromElsewhere();
        structure();
        report.figures.forEach(figure);
        document.querySelectorAll("svg[role=img]").forEach(labels);
        contrast();
    } catch (error) {
        fail(error.stack);
    }
    const seen = Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ");
    const result = [...failures.map(what => `FAILURE: ${what}`), `RESULT: ${failures.length} failures in ${seen}`];
    // A call, not a message: the page around is done when its frames are.
    parent.note(result.map(line => `${location.hash.slice(1)} ${line}`).join("\n"));
});

function surroundings() {
    check(innerWidth === Number(expectedWidth), `the window is ${innerWidth} pixels wide`);
    check(matchMedia(`(prefers-color-scheme: ${expectedScheme})`).matches, `the surroundings are not ${expectedScheme}`);
    const width = document.documentElement.scrollWidth;
    check(width <= innerWidth, `the page is ${width} pixels wide, and scrolls in a window of ${innerWidth}`);
}

function nothingFromElsewhere() {
    performance.getEntriesByType("resource").forEach(entry => fail(`request: ${entry.name}`));
    check(document.scripts.length === 0, "the page has scripts");
    for (const element of document.querySelectorAll("[src], [href]")) {
        const address = element.getAttribute("src") ?? element.getAttribute("href");
        const inside = address.startsWith("#") && document.getElementById(address.slice(1));
        check(inside || address.startsWith("data:"), `it leads elsewhere: ${element.outerHTML}`);
    }
}

function structure() {
    const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
    check(new Set(ids).size === ids.length, `ids are not unique: ${ids.filter((id, at) => ids.indexOf(id) !== at)}`);
    check(document.documentElement.lang && document.title, "the page has no language or no title");
    const levels = [...document.querySelectorAll("h1, h2, h3")].map(heading => Number(heading.tagName[1]));
    check(levels[0] === 1 && levels.every((level, at) => at === 0 || level <= levels[at - 1] + 1), `headings: ${levels}`);
    for (const image of document.querySelectorAll("img, svg")) {
        const named = image.getAttribute("aria-hidden") === "true" || image.getAttribute("role") === "img";
        check(named, `neither hidden nor an image with a name: ${image.outerHTML.slice(0, 200)}`);
    }
}

function figure(figure) {
    const section = document.getElementById(figure.id);
    if (!section) return fail(`${figure.id} is not there`);
    check(section.querySelector("h2").textContent === figure.title, `${figure.id}: the title`);
    figure.text.forEach(text => check(section.textContent.includes(text), `${figure.id}: '${text}'`));
    figure.plots.forEach(shown => plot(document.getElementById(`${figure.id}-${shown.id}`), shown, `${figure.id}, ${shown.id}`));
    const tables = [...section.querySelectorAll("table")].filter(table => !table.closest("figure"));
    check(tables.length === figure.tables.length, `${figure.id}: ${tables.length} tables of ${figure.tables.length}`);
    figure.tables.forEach((table, at) => same(rows(tables[at]), table.rows, `${figure.id}, ${table.caption}`));
}

function plot(element, plot, name) {
    if (!element) return fail(`${name} is not there`);
    counts.plots++;
    const svg = element.querySelector("svg[role=img]");
    const { width, height } = svg.getBoundingClientRect();
    check(width >= 200 && height >= 100, `${name}: ${width} × ${height} pixels`);
    const [title, description] = svg.getAttribute("aria-labelledby").split(" ").map(id => document.getElementById(id));
    check(title?.textContent === plot.title && title, `${name}: its name`);
    check(description?.textContent === plot.description && plot.description.length > 40, `${name}: its text alternative`);
    const legend = [...element.querySelectorAll(".legend li")].map(entry => entry.textContent.trim());
    plot.series.forEach(series => check(legend.includes(series.label), `${name}: ${series.label} in the legend`));
    const lines = svg.querySelectorAll("polyline, circle, polygon, line").length;
    check(lines > plot.series.length, `${name}: only ${lines} lines`);
    numbers([...element.querySelectorAll("table")].map(rows), plot, name);
}

// The tables of a plot are said in verify/src/report/numbers.rs.
function numbers(tables, plot, name) {
    const points = plot.series.flatMap(series => series.points);
    if (points.length > 0) {
        const table = tables.shift() ?? [];
        const rises = plot.series.every(({ points }) => points.every(([x], at) => at === 0 || points[at - 1][0] < x));
        plot.series.forEach((series, at) => {
            const [x, y] = rises ? [0, at + 1] : [2 * at + 1, 2 * at + 2];
            const found = table.filter(row => row[y] !== "").map(row => [row[x], row[y]]);
            same(found, series.points, `${name}, ${series.label}`);
        });
    }
    if (plot.arrows.length > 0) same(tables.shift(), plot.arrows.map(arrow => arrow.flat()), `${name}, arrows`);
    const marked = plot.series.flatMap(series => series.marked.map(point => [series.label, ...point, series.marked_label ?? ""]));
    if (marked.length > 0) same(tables.shift(), marked, `${name}, marked points`);
    check(tables.length === 0, `${name}: ${tables.length} more tables`);
}

function rows(table) {
    return [...table?.tBodies[0].rows ?? []].map(row => [...row.cells].map(cell => cell.textContent));
}

// Rows of text, and the numbers and texts that they show: seven digits of each number.
function same(found, expected, name) {
    check(found?.length === expected.length, `${name}: ${found?.length} rows of ${expected.length}`);
    expected.forEach((row, at) => row.forEach((value, column) => {
        counts.cells++;
        const text = found?.[at]?.[column];
        const equal = typeof value === "number" ? text !== "" && Math.abs(Number(text) - value) <= 1e-6 * Math.abs(value)
            : value === null ? ["NaN", "inf", "-inf"].includes(text) : text === value;
        check(equal, `${name}: row ${at}, column ${column} is ${text}, expected ${value}`);
    }));
}

// Words in a plot are within it, large enough, and none lies on another.
function labels(svg) {
    const name = svg.getAttribute("aria-labelledby").split(" ")[0];
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text")].map(text => [text, text.getBoundingClientRect()]);
    boxes.forEach(([text, box], at) => {
        const words = text.textContent.trim();
        const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
        check(inside, `${name}: '${words}' is cut off`);
        const size = parseFloat(getComputedStyle(text).fontSize) * frame.width / svg.viewBox.baseVal.width;
        check(size >= 8, `${name}: '${words}' is ${size} pixels high`);
        for (const [other, { left, right, top, bottom }] of boxes.slice(0, at)) {
            const apart = box.left >= right - 1 || left >= box.right - 1 || box.top >= bottom - 4 || top >= box.bottom - 4;
            check(apart, `${name}: '${words}' lies on '${other.textContent.trim()}'`);
        }
    });
}

function contrast() {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const remembered = (memory, key, value) => memory.get(key) ?? memory.set(key, value()).get(key);
    const colours = new Map(), grounds = new Map();
    // Red, green and blue of a colour over another one.
    const over = (ground, colour) => remembered(colours, `${ground} ${colour}`, () => {
        canvas.fillStyle = `rgb(${ground})`;
        canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    });
    const groundOf = element => remembered(grounds, element, () => {
        const below = element.parentElement ? groundOf(element.parentElement) : [255, 255, 255];
        return over(below, getComputedStyle(element).backgroundColor);
    });
    const linear = part => part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
    const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || ["title", "desc"].includes(element.localName)) continue;
        counts.texts++;
        const style = getComputedStyle(element);
        const ground = groundOf(element);
        const [one, other] = [luminance(over(ground, element.localName === "text" ? style.fill : style.color)), luminance(ground)];
        const ratio = Math.max(one, other) / Math.min(one, other);
        check(ratio >= 4.5, `contrast ${ratio.toFixed(2)}: '${walker.currentNode.textContent.trim()}'`);
        check(style.visibility === "visible" && Number(style.opacity) === 1, `not visible: '${walker.currentNode.textContent.trim()}'`);
    }
}
