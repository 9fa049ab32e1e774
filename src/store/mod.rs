//! The database in the researcher's verbs: each verb is one operation, such as claim, append or receive.
//!
//! One story test (`tests/store_story.rs`) proves that all implementations of the trait behave equally. Documents are
//! plain data; only an implementation sees SQL or BSON. Texts are stored byte for byte, NUL included. Instants and ids
//! of records are arguments; leases on a server follow the server's clock.
//!
//! | file | come here to … |
//! |---|---|
//! | `verbs` | see every verb of a database as a contract (the trait [`Store`]) |
//! | `arguments` | see the arguments of the verbs: filters, items, marks, new experiments, items to copy |
//! | `records` | see what is stored of an experiment, a conversation and a run |
//! | `call` | see what is stored of a call; count tokens |
//! | `standing` | see the progress of conversations, for planning, listing and watching |
//! | `status` | see the statuses of a conversation |
//! | `mode` | see the purposes for which a database is opened |
//! | `error` | see every error of a database |
//! | `uri` | read the address of a database |
//! | `gone` | decide which conversations have lost their process (both databases use it) |
//! | `turn` | decide what a write of a turn changes (pure; both databases use it) |
//! | `vector` | write the vector of a text as bytes (pure; both databases use it) |
//! | `audit` | find what is wrong with a log (pure; both databases use it) |
//! | `merge` | merge two copies of an item (pure; both databases use it) |
//! | `sqlite` | change how a file stores all this |
//! | `mongodb` | change how a server stores all this |

mod arguments;
mod audit;
mod call;
mod error;
mod gone;
mod merge;
mod mode;
pub mod mongodb;
mod records;
pub mod sqlite;
mod standing;
mod status;
mod turn;
mod uri;
mod vector;
mod verbs;

pub use arguments::{End, Filter, Item, Mark, NewExperiment, TransferItem};
pub use audit::Fault;
pub use call::{CallRecord, CallState, History, Tokens};
pub use error::{SignInFailure, StoreError};
pub use mode::OpenMode;
pub use records::{
    AskRecord, ConversationRecord, ExperimentRecord, LEASE, Lease, MarkRecord, Millis, Participant, ProcessKind,
    QuestionRecord, RunKind, RunRecord, UsedModel,
};
pub use standing::{ConversationUpdate, Counts, Group, Standing, Unfinished, Waiting};
pub use status::Status;
pub use turn::count_spend;
pub use uri::{MongoUri, Parts, StoreUri, UriError, without_password};
pub use verbs::Store;
