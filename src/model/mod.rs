//! Language-model servers: one attempt each behind [`ChatModel`]; retries, limits and slots beside it.
//!
//! Nothing of the terminal or the database enters, and no variable is read: addresses, keys and limits are values
//! passed in. An attempt is data: a request, its time and its outcome.
//!
//! | file | come here to … |
//! |---|---|
//! | `chat` | see a request and a reply as data, or implement the trait [`ChatModel`] |
//! | `embed` | embed texts as vectors: the trait [`Embedder`], requests and answers |
//! | `error` | see every error of a request |
//! | `attempt` | see one attempt as it is stored |
//! | `server` | describe a server: kind, address, key, limits |
//! | `inflate` | inflate a compressed body |
//! | `sse` | read the events of a stream |
//! | `tolerant` | read JSON with the mistakes that other readers take |
//! | `http` | send one request: time limits, size limit, no redirects |
//! | `text` | escape a server's text, and remove keys from it |
//! | `classify` | decide which error a server's answer means |
//! | `openai`, `ollama`, `scripted` | implement one of the three kinds of server |
//! | `facts` | see the facts about a model that are looked up before its first call |
//! | `catalog` | connect to a server, and list what it offers |
//! | `pull` | fetch a model |
//! | `parameters` | decide what is sent beside the messages, and what a protocol lacks |
//! | `person` | let a person type in a model's place |
//! | `retry` | retry a call; this file is the one owner of retries |
//! | `gate` | hold back all calls to a model whose server sent `Retry-After` |
//! | `limit` | hand out slots for requests in flight |
//! | `schedule` | decide which conversation begins, and which call gets the next slot |

mod attempt;
pub mod catalog;
mod chat;
mod classify;
mod embed;
mod error;
mod facts;
pub mod gate;
mod http;
mod inflate;
pub mod limit;
mod ollama;
mod openai;
pub mod parameters;
pub mod person;
pub mod pull;
pub mod retry;
pub mod schedule;
pub mod scripted;
pub mod server;
mod sse;
mod text;
mod tolerant;

pub use attempt::Attempt;
pub use catalog::Connection;
pub use chat::{ChatModel, ChatReply, ChatRequest, Finish, Served, Turn, Usage, body};
pub use embed::{EmbedRequest, Embedded, Embedder};
pub use error::ModelError;
pub use facts::ModelFacts;
pub use gate::Gates;
pub use limit::Slots;
pub use retry::{CallEnd, CallOutcome, PendingCall, Request, Retry, RetryWait, Verdict};
pub use schedule::{Bounds, Chain};
pub use scripted::Scripted;
pub use server::{Limits, Server, ServerKind};
