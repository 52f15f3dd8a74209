//! The pages: what they say stands in `templates`, what they say it of in `view`.

mod view;

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    markdown::{heading, link, paragraphs, sentence, table, text, tidy},
    number::number,
    performance::PAGE as PERFORMANCE,
    picture,
    words::{self, Tally, counts, tally},
};
use crate::{
    check::evidence::{ClaimResult, Verdicts},
    claim::{PaperRecord, Provenance, Scope, Verdict},
};
use view::{ClaimView, control_cells, control_name, map_name, picture_name, place};

const TEMPLATES: [(&str, &str); 7] = [
    ("front", include_str!("../templates/front.md")),
    ("paper", include_str!("../templates/paper.md")),
    ("controls", include_str!("../templates/controls.md")),
    ("validity", include_str!("../templates/validity.md")),
    ("contents", include_str!("../templates/contents.md")),
    ("summary", include_str!("../templates/summary.md")),
    ("performance", include_str!("../templates/performance.md")),
];

/// Name of the front page.
const FRONT: &str = "README.md";

/// The table of contents that mdBook reads, and its settings.
const CONTENTS: &str = "SUMMARY.md";
const BOOK: (&str, &str) = ("book.toml", include_str!("../templates/book.toml"));

/// A paper with its claims.
struct Judged<'a> {
    record: &'a PaperRecord,
    claims: Vec<&'a ClaimResult>,
}

impl Judged<'_> {
    /// The title of the paper, as a link to its page.
    fn link(&self) -> String {
        link(&self.record.title, &page_name(self.record))
    }
}

/// Pages that are not made from verdicts, but stand beside those that are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The page of performance.
    pub performance: bool,
}

/// All pages and pictures by name, and what mdBook needs to make a site of them.
///
/// # Errors
/// A message if a claim belongs to no paper of the verdicts, or a picture cannot be drawn.
pub fn pages(verdicts: &Verdicts) -> Result<Vec<(String, String)>, String> {
    pages_beside(verdicts, Beside::default())
}

/// [`pages`], of which the table of contents leads to others as well.
///
/// # Errors
/// See [`pages`].
pub fn pages_beside(verdicts: &Verdicts, beside: Beside) -> Result<Vec<(String, String)>, String> {
    named(verdicts)?;
    let papers: Vec<Judged<'_>> = verdicts
        .papers
        .iter()
        .map(|record| Judged {
            record,
            claims: verdicts.claims.iter().filter(|c| c.paper == record.slug).collect(),
        })
        .collect();
    let environment = environment()?;
    let mut pages = vec![(FRONT.to_owned(), front(&environment, verdicts, &papers)?)];
    for judged in &papers {
        pages.push((page_name(judged.record), paper(&environment, judged)?));
    }
    pages.push(("controls.md".to_owned(), controls(&environment, &papers)?));
    pages.push(("validity.md".to_owned(), validity(&environment, &papers)?));
    pages.push((CONTENTS.to_owned(), contents(&environment, &papers, beside)?));
    pages.push((BOOK.0.to_owned(), BOOK.1.to_owned()));
    for claim in &verdicts.claims {
        for (index, plot) in claim.plots.iter().enumerate() {
            pages.push((picture_name(claim, index), picture::draw(plot)?));
        }
        for (index, map) in claim.evidence.iter().enumerate().filter_map(|(i, e)| Some((i, e.map.as_ref()?)))
        {
            let title =
                format!("Where the check of {} passes: {}", claim.id, words::check(&claim.evidence[index]));
            pages.push((map_name(claim, index), picture::draw_map(&title, map)?));
        }
    }
    Ok(pages)
}

/// The run on one page without links, for the summary of a continuous-integration job.
///
/// # Errors
/// A message if the page cannot be put together.
pub fn summary(verdicts: &Verdicts) -> Result<String, String> {
    let run = &verdicts.run;
    let unexpected = verdicts.claims.iter().filter(|c| !c.as_expected).map(ClaimView::new);
    let rows = tally(&verdicts.claims);
    let rows = rows.iter().map(|(scope, by_verdict)| vec![scope.to_string(), counts(by_verdict)]);
    render(
        &environment()?,
        "summary",
        &json!({
            "unexpected": unexpected.collect::<Vec<_>>(),
            "verdicts": table(&["Scope", "Verdicts"], &rows.collect::<Vec<_>>()),
            "tier": words::tier(run.tier),
            "root_seed": run.root_seed,
            "error_bound": words::error_bound(run),
        }),
    )
}

/// Names of papers and claims become names of files, so they are held to the form of names, and
/// every claim must belong to a paper.
fn named(verdicts: &Verdicts) -> Result<(), String> {
    let is_name = |name: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !name.is_empty() && name.chars().all(allowed)
    };
    if let Some(paper) = verdicts.papers.iter().find(|p| !is_name(&p.slug)) {
        return Err(format!("`{}` cannot be the name of a paper", paper.slug));
    }
    for claim in &verdicts.claims {
        if !verdicts.papers.iter().any(|p| p.slug == claim.paper) {
            return Err(format!("claim `{}` belongs to no paper of these verdicts", claim.id));
        }
        let number = claim.id.strip_prefix(&claim.paper).and_then(|rest| rest.strip_prefix('.'));
        if !number.is_some_and(is_name) {
            return Err(format!("`{}` cannot be the id of a claim of `{}`", claim.id, claim.paper));
        }
    }
    Ok(())
}

fn page_name(record: &PaperRecord) -> String {
    format!("{}.md", record.slug)
}

pub(super) fn environment() -> Result<Environment<'static>, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|e| format!("{e:#}"))?);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).map_err(|e| format!("{e:#}"))?;
    }
    Ok(environment)
}

pub(super) fn render(
    environment: &Environment<'_>,
    template: &str,
    context: &Value,
) -> Result<String, String> {
    let page = environment
        .get_template(template)
        .and_then(|t| t.render(Serde(context)))
        .map_err(|e| format!("{e:#}"))?;
    Ok(tidy(&page))
}

/// Claims under the title of their paper.
#[derive(Serialize)]
struct Group {
    title: String,
    /// The title, as a link to the paper's page.
    link: String,
    claims: Vec<ClaimView>,
}

/// A paper with some of its claims.
fn group(judged: &Judged<'_>, wanted: impl Fn(&ClaimResult) -> bool) -> Group {
    let claims = judged.claims.iter().filter(|claim| wanted(claim)).map(|claim| ClaimView::new(claim));
    Group { title: heading(&judged.record.title), link: judged.link(), claims: claims.collect() }
}

/// Papers with some of their claims, without papers that have none.
fn groups(papers: &[Judged<'_>], wanted: impl Fn(&ClaimResult) -> bool) -> Vec<Group> {
    papers.iter().map(|judged| group(judged, &wanted)).filter(|group| !group.claims.is_empty()).collect()
}

fn front(
    environment: &Environment<'_>,
    verdicts: &Verdicts,
    papers: &[Judged<'_>],
) -> Result<String, String> {
    let run = &verdicts.run;
    let unexpected = verdicts.claims.iter().filter(|c| !c.as_expected).map(ClaimView::new);
    let words_of = |rows: Vec<Vec<String>>, what: &str| table(&[what, "Meaning"], &rows);
    let verdict_rows =
        Verdict::ALL.iter().map(|v| vec![v.to_string(), words::verdict_meaning(*v).to_owned()]);
    let scope_rows = Scope::ALL.iter().map(|s| vec![s.to_string(), words::scope_meaning(*s).to_owned()]);
    let provenance_rows =
        Provenance::ALL.iter().map(|p| vec![p.to_string(), words::provenance_meaning(*p).to_owned()]);
    render(
        environment,
        "front",
        &json!({
            "unexpected": unexpected.collect::<Vec<_>>(),
            "tier": words::tier(run.tier),
            "root_seed": run.root_seed,
            "error_bound": words::error_bound(run),
            "verdicts": matrix(papers),
            "against": groups(papers, |claim| claim.verdict == Verdict::Refuted),
            "out_of_reach": groups(papers, |claim| claim.verdict == Verdict::OutOfReach),
            "verdict_words": words_of(verdict_rows.collect(), "Verdict"),
            "scope_words": words_of(scope_rows.collect(), "Scope"),
            "provenance_words": words_of(provenance_rows.collect(), "Provenance"),
            "certainty": format!("1 - {}", number(2.0 * run.level)),
        }),
    )
}

/// Papers by scope: how many claims have which verdict.
fn matrix(papers: &[Judged<'_>]) -> String {
    let row = |name: String, tally: &Tally| -> Vec<String> {
        let cells = Scope::ALL.iter().map(|scope| tally.get(scope).map(counts).unwrap_or_default());
        std::iter::once(name).chain(cells).collect()
    };
    let mut rows: Vec<Vec<String>> =
        papers.iter().map(|judged| row(judged.link(), &tally(judged.claims.iter().copied()))).collect();
    if papers.len() > 1 {
        let all = papers.iter().flat_map(|judged| judged.claims.iter().copied());
        rows.push(row("**All papers**".into(), &tally(all)));
    }
    let header: Vec<&str> = std::iter::once("Paper").chain(Scope::ALL.iter().map(|s| s.word())).collect();
    table(&header, &rows)
}

fn paper(environment: &Environment<'_>, judged: &Judged<'_>) -> Result<String, String> {
    let record = judged.record;
    let claims: Vec<ClaimView> = judged.claims.iter().map(|c| ClaimView::new(c)).collect();
    let glance: Vec<Vec<String>> = claims
        .iter()
        .map(|c| {
            vec![
                link(&c.id, &format!("#{}", c.anchor)),
                c.statement.clone(),
                c.scope.to_owned(),
                c.verdict.to_owned(),
                c.margin.clone(),
            ]
        })
        .collect();
    let against: Vec<&ClaimView> = claims.iter().filter(|c| c.verdict == Verdict::Refuted.word()).collect();
    render(
        environment,
        "paper",
        &json!({
            "title": heading(&record.title),
            "authors": text(&record.authors.join(", ")),
            "arxiv": link(&format!("arXiv:{}", record.arxiv), &format!("https://arxiv.org/abs/{}", record.arxiv)),
            "date": text(&record.date),
            "summary": paragraphs(&record.summary),
            "reference": paragraphs(&record.reference),
            "environments": paragraphs(&record.environments),
            "glance": table(&["Claim", "Statement", "Scope", "Verdict", "Margin"], &glance),
            "against": against,
            "claims": claims,
        }),
    )
}

fn contents(environment: &Environment<'_>, papers: &[Judged<'_>], beside: Beside) -> Result<String, String> {
    let links: Vec<String> = papers.iter().map(Judged::link).collect();
    let performance = beside.performance.then_some(PERFORMANCE);
    render(environment, "contents", &json!({ "papers": links, "performance": performance }))
}

/// What `controls.md` says of a paper.
#[derive(Serialize)]
struct PaperControls {
    title: String,
    /// A table.
    controls: String,
    impossible: Vec<Impossible>,
}

/// A check without controls.
#[derive(Serialize)]
struct Impossible {
    id: String,
    link: String,
    reason: String,
}

fn controls(environment: &Environment<'_>, papers: &[Judged<'_>]) -> Result<String, String> {
    let of_paper = |judged: &Judged<'_>| {
        let rows: Vec<Vec<String>> = judged
            .claims
            .iter()
            .flat_map(|claim| claim.controls.iter().map(move |control| (claim, control)))
            .map(|(claim, control)| {
                let check = claim.evidence.get(control.check).map(words::check).unwrap_or_default();
                let claim = link(&claim.id, &place(claim));
                let mut row = vec![claim, text(&check), control_name(control)];
                row.extend(control_cells(control));
                row
            })
            .collect();
        let impossible = judged.claims.iter().flat_map(|claim| {
            let reasons = claim.control_impossible.iter();
            reasons.map(|r| Impossible { id: claim.id.clone(), link: place(claim), reason: sentence(r) })
        });
        PaperControls {
            title: heading(&judged.record.title),
            controls: table(
                &["Claim", "Check", "Control", "Outcome", "Noticed by", "Margin", "What was measured"],
                &rows,
            ),
            impossible: impossible.collect(),
        }
    };
    let papers: Vec<PaperControls> = papers.iter().map(of_paper).collect();
    render(environment, "controls", &json!({ "papers": papers }))
}

fn validity(environment: &Environment<'_>, papers: &[Judged<'_>]) -> Result<String, String> {
    let groups = groups(papers, |claim| claim.evidence.iter().any(|evidence| evidence.map.is_some()));
    render(environment, "validity", &json!({ "groups": groups }))
}
