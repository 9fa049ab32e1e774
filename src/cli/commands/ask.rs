//! `convoke ask`: asks agents of finished conversations. The same command continues it.

use super::run::{Drive, Early, End, Manner, Start, failed, left};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit, file_error};
use crate::cli::questions::confirm_pulls;
use crate::cli::shell::resume_line;
use crate::cli::terminal::signals;
use crate::cli::terminal::text::count;
use crate::exchange::{Questioned, answer_objects};
use crate::lab::{AskNumbers, AskPlan, Asking, Lab, LeftOut, files};
use crate::report::tally;
use crate::store::sqlite::OpenMode;
use clap::Args;
use serde_json::{Value as Json, json};

/// Number of questions whose answers are in memory at a time.
const PAGE: usize = 200;
/// Maximum number of askings.
const MOST_AGAIN: u32 = 1000;

/// `convoke ask`.
#[derive(Debug, Args)]
pub struct Ask {
    /// Experiment's name, id or folder, or the id of a finished conversation
    #[arg(required = true)]
    pub what: String,
    /// Question, sent as typed, or @FILE to read it from a file; several are asked separately
    ///
    /// A question that begins with `-` is written after `--`, as in: convoke ask prison -- '-5 or 5?'. One that begins
    /// with `@` is read from a file.
    #[arg(required = true)]
    pub question: Vec<String>,
    /// Role whose agents are asked; repeat it for several [default: every role]
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
    /// Only conversations whose condition matches, such as 'goal=escape risks=true'; repeat it to add other conditions
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// Include conversations of older revisions of the experiment
    #[arg(long)]
    pub all: bool,
    /// Maximum number of conversations whose agents are asked, in the order of the design
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Model that answers instead of each agent's own: its name in the experiment or SERVER/NAME
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Total number of times to ask each agent: with 2, agents that answered once are asked once more
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub again: u32,
    /// Let the built-in `scripted` answer, which contacts no server and costs nothing
    #[arg(long, conflicts_with = "model")]
    pub offline: bool,
    /// Print the number of calls and tokens, and send nothing
    #[arg(long)]
    pub plan: bool,
    /// Not in this version: answers by a person
    #[arg(long, value_name = "ANSWER", hide = true)]
    pub answer: Vec<String>,
    /// The manner in which it works.
    #[command(flatten)]
    pub manner: Manner,
}

/// A stored request, or one that ends with its plan.
enum Begun<'a> {
    Stored(Box<Session<'a>>),
    Planned,
}

/// A request that can begin.
struct Session<'a> {
    lab: Lab,
    drive: Drive<'a>,
    questions: Vec<Questioned>,
    experiment: String,
    /// True for one document at the end (`--json`) instead of a line for each event.
    is_document: bool,
}

/// Runs `convoke ask`.
pub async fn run(context: &Context, args: &Ask) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    // A plan is no run.
    let notify = args.manner.notice().filter(|_| !args.plan);
    let early = Early { resume: &resume, notify, is_document: true };
    let begun = tokio::select! {
        // The signal is polled first, so that none is missed.
        biased;
        exit = signals::first() => return left(context, exit?, early),
        begun = begin(context, args) => begun,
    };
    match begun {
        Ok(Begun::Planned) => Ok(Exit::Done),
        Ok(Begun::Stored(session)) => session.work(context, &resume).await,
        Err(error) => failed(context, error, early),
    }
}

/// Continues one question under its plan.
pub async fn go_on(context: &Context, lab: Lab, plan: AskPlan, manner: &Manner) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    store(context, lab, plan, (manner, false)).await?.work(context, &resume).await
}

async fn begin<'a>(context: &'a Context, args: &Ask) -> Result<Begun<'a>, CliError> {
    let asking = asking(context, args)?;
    if args.plan {
        let plan = context.reader_for(&args.what).await?.plan_questions(asking).await?;
        print_plan(context, &plan, args.manner.retry_failed)?;
        return Ok(Begun::Planned);
    }
    let lab = context.existing(&args.what, OpenMode::Run).await?;
    let plan = lab.plan_questions(asking).await?;
    Ok(Begun::Stored(Box::new(store(context, lab, plan, (&args.manner, true)).await?)))
}

async fn store<'a>(
    context: &'a Context,
    lab: Lab,
    plan: AskPlan,
    (manner, is_document): (&Manner, bool),
) -> Result<Session<'a>, CliError> {
    let waits = manner.waits()?;
    let script = context.settings.servers.script.as_deref().map(files::read_script).transpose()?;
    say_plan(context, &plan, manner.retry_failed);
    confirm_pulls(context, manner.no_pull, &plan.model_of_flag().map(str::to_owned).into_iter().collect::<Vec<_>>())
        .await?;
    let mut start = Start::new(context, "ask", manner, (waits, script));
    start.is_document = is_document;
    let how = start.how.clone();
    let running = start.listen(async { Ok(lab.launch_questions(&plan, how).await?) }).await?;
    let drive = start.drive(lab.clone(), running);
    Ok(Session {
        lab,
        drive,
        questions: plan.planned_questions(),
        experiment: plan.experiment_name().to_owned(),
        is_document,
    })
}

fn asking(context: &Context, args: &Ask) -> Result<Asking, CliError> {
    if !args.answer.is_empty() {
        return Err(
            CliError::usage("--answer is not in this version").hint("a model answers, each agent's own or --model ID")
        );
    }
    if args.again == 0 || args.again > MOST_AGAIN {
        return Err(CliError::usage(format!("--again {}: write a number from 1 to {MOST_AGAIN}", args.again)));
    }
    args.manner.waits()?;
    if args.limit == Some(0) {
        return Err(CliError::usage("--limit is at least 1"));
    }
    let mut questions: Vec<String> = Vec::new();
    for word in &args.question {
        let text = question(context, word)?;
        if !questions.contains(&text) {
            questions.push(text);
        }
    }
    Ok(Asking {
        what: args.what.clone(),
        questions,
        roles: args.role.clone(),
        only: args.only.clone(),
        all: args.all,
        limit: args.limit,
        model: args.model.clone(),
        again: args.again,
        offline: args.offline,
    })
}

/// Returns a question as typed, or the text of `@FILE` without its final line break.
fn question(context: &Context, word: &str) -> Result<String, CliError> {
    let text = match word.strip_prefix('@') {
        None => word.to_owned(),
        Some(path) => {
            let path = context.world.folder.join(path);
            let text = std::fs::read_to_string(&path).map_err(|error| file_error("read", &path, &error))?;
            let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
    };
    if text.trim().is_empty() {
        return Err(CliError::usage("a question has no text"));
    }
    Ok(text)
}

/// Formats the line with the number of questions and their cost.
fn plan_line(plan: &AskPlan, numbers: AskNumbers) -> String {
    let AskNumbers { calls, left, failed_calls, .. } = numbers;
    let (texts, again) = plan.count_texts();
    let agents = calls as usize / (texts * again as usize).max(1);
    let askings = if again > 1 { format!(" × {again} askings") } else { String::new() };
    let failed = if failed_calls > 0 { format!(", {failed_calls} failed") } else { String::new() };
    format!(
        "{} · {} with {} × {}{askings} = {}: {} done{failed}, {left} left",
        plan.experiment_name(),
        count(plan.conversations, "conversation"),
        count(agents, "agent"),
        count(texts, "question"),
        count(calls as usize, "call"),
        calls - left - failed_calls
    )
}

fn left_out_lines(left_out: &LeftOut) -> Vec<String> {
    let LeftOut { unfinished, failed, offline, unknown, people } = left_out;
    let conversations = |n: usize| count(n, "conversation");
    let mut lines = Vec::new();
    if *unfinished > 0 {
        lines.push(format!("{} not done and not asked: repeat the command later", conversations(*unfinished)));
    }
    if *failed > 0 {
        let remedy = "`convoke run` with --retry-failed gives them another chance";
        lines.push(format!("{} failed and not asked: {remedy}", conversations(*failed)));
    }
    if *offline > 0 {
        lines.push(format!("{} offline and not asked: name one by its id", conversations(*offline)));
    }
    if !unknown.is_empty() {
        let first = unknown.iter().take(3).map(|id| id.get(..8).unwrap_or(id)).collect::<Vec<_>>().join(", ");
        let reason = "no recorded run gives their prompts";
        lines.push(format!("{} not asked, since {reason}: {first}", conversations(unknown.len())));
    }
    if *people > 0 {
        lines.push(format!("{} played by a person and not asked", count(*people, "agent")));
    }
    lines
}

fn say_plan(context: &Context, plan: &AskPlan, retried: bool) {
    context.printer.chat(&plan_line(plan, plan.count_numbers(retried)));
    for line in left_out_lines(&plan.left_out) {
        context.printer.chat(&line);
    }
}

fn print_plan(context: &Context, plan: &AskPlan, retried: bool) -> Result<(), CliError> {
    let numbers = plan.count_numbers(retried);
    let AskNumbers { questions, done, failed, calls, left, tokens, .. } = numbers;
    let LeftOut { unfinished, failed: failed_conversations, offline, unknown, people } = &plan.left_out;
    let printer = &context.printer;
    if printer.json {
        printer.json_ok(&json!({
            "conversations": plan.conversations,
            "questions": questions,
            "done": done,
            "failed": failed,
            "calls": calls,
            "left": left,
            "tokens": tokens,
            "left_out": {
                "unfinished": unfinished,
                "failed": failed_conversations,
                "offline": offline,
                "unknown": unknown,
                "people": people,
            },
        }))?;
        return Ok(());
    }
    printer.out(&plan_line(plan, numbers))?;
    let number = tally::count;
    let (expected, low, high) = (number(tokens.expected), number(tokens.low), number(tokens.high));
    printer.out(&format!("left: {}, about {expected} tokens ({low} to {high})", count(left as usize, "call")))?;
    for line in left_out_lines(&plan.left_out) {
        printer.say(&line);
    }
    Ok(())
}

impl Session<'_> {
    /// Asks the missing questions, and prints all requested answers.
    async fn work(self, context: &Context, resume: &str) -> Result<Exit, CliError> {
        let Self { lab, drive, questions, experiment, is_document } = self;
        let end = drive.go().await?;
        if !context.printer.json || !is_document {
            return end.tell(context, resume);
        }
        end.print(context);
        end.say_resume(context, resume);
        print_answers(context, &lab, (&experiment, &questions), &end).await?;
        end.notify(context, resume);
        Ok(end.exit())
    }
}

async fn print_answers(
    context: &Context,
    lab: &Lab,
    (experiment, questions): (&str, &[Questioned]),
    end: &End,
) -> Result<(), CliError> {
    let mut rows: Vec<Json> = Vec::new();
    for page in questions.chunks(PAGE) {
        let ids: Vec<(String, u32)> = page.iter().map(|question| (question.record.id.clone(), 0)).collect();
        for (record, log) in lab.store.news(&ids).await.map_err(CliError::from)? {
            let subject = page.iter().find(|question| question.record.id == record.id);
            let subject = subject.map(|question| question.subject.clone()).unwrap_or_default();
            rows.extend(answer_objects(experiment, &Questioned { record, subject }, &log));
        }
    }
    let failed = || {
        let failed = count(end.outcome.failed, "question");
        let error = CliError::new(Exit::Failed, "failed", format!("{failed} failed"));
        (end.exit() == Exit::Failed).then(|| error.hint("--retry-failed gives them another chance"))
    };
    let stopped = || {
        let bound = end.outcome.summary.budget.as_ref().filter(|_| end.exit() == Exit::Budget)?;
        let error = CliError::new(Exit::Budget, "budget", format!("stopped by {bound}"));
        Some(error.hint("the same command continues"))
    };
    match end.error().or_else(failed).or_else(stopped) {
        Some(error) => context.printer.json_error(&error.json(), Some(&Json::Array(rows)))?,
        None => context.printer.json_ok(&Json::Array(rows))?,
    }
    Ok(())
}
