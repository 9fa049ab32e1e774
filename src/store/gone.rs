//! Conversations whose process ended without ending them. They are stored as running; readers see them as interrupted.
//! Nothing writes that.

use super::records::{ConversationRecord, Lease};
use super::status::Status;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Host name and boot of this machine, as leases name them; `None` where the system does not show them.
static HERE: LazyLock<Option<(String, String)>> = LazyLock::new(|| {
    let read = |name| fs::read_to_string(Path::new("/proc/sys/kernel").join(name)).map(|text| text.trim().to_owned());
    Some((read("hostname").ok()?, read("random/boot_id").ok()?))
});

/// Returns true if a process of this machine is known to be gone.
pub(super) fn is_gone(pid: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(pid.to_string()).exists()
}

/// Facts that a reader knows about the processes that work on conversations.
pub(super) struct Seen<F> {
    /// True for a lease that excludes nobody any more.
    pub(super) has_lapsed: F,
}

impl<F: Fn(&Lease) -> bool> Seen<F> {
    fn is_gone(&self, lease: &Lease) -> bool {
        let is_here = HERE.as_ref().is_some_and(|(host, boot)| (&lease.host, &lease.boot) == (host, boot));
        (self.has_lapsed)(lease) || is_here && is_gone(lease.pid)
    }

    /// Returns the status as shown.
    pub(super) fn status_of(&self, status: Status, lease: Option<&Lease>) -> Status {
        let is_gone = status == Status::Running && lease.is_some_and(|lease| self.is_gone(lease));
        if is_gone { Status::Interrupted } else { status }
    }

    /// Changes records to what is shown.
    pub(super) fn show_all<'a>(&self, records: impl IntoIterator<Item = &'a mut ConversationRecord>) {
        for record in records {
            self.show(record);
        }
    }

    fn show(&self, record: &mut ConversationRecord) {
        let shown = self.status_of(record.status, record.lease.as_ref());
        if let Some(Lease { pid, host, .. }) = record.lease.as_ref().filter(|_| shown != record.status) {
            record.reason = Some(format!("its process ended (pid {pid} on {host})"));
        }
        record.status = shown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(pid: u32) -> Lease {
        let (host, boot) = HERE.clone().unwrap_or_default();
        Lease { owner: "run".to_owned(), host, boot, pid, epoch: 1, until: 0 }
    }

    #[test]
    fn only_a_process_that_is_surely_gone_is_shown_as_ended() {
        let (live, lapsed) = (Seen { has_lapsed: |_: &Lease| false }, Seen { has_lapsed: |_: &Lease| true });
        let (me, gone) = (lease(std::process::id()), lease(u32::MAX));
        let elsewhere = Lease { host: "elsewhere".to_owned(), ..gone.clone() };
        assert_eq!(live.status_of(Status::Running, Some(&me)), Status::Running);
        assert_eq!(live.status_of(Status::Running, Some(&elsewhere)), Status::Running);
        if HERE.is_some() {
            assert_eq!(live.status_of(Status::Running, Some(&gone)), Status::Interrupted);
        }
        assert_eq!(lapsed.status_of(Status::Running, Some(&me)), Status::Interrupted);
        for status in [Status::Pending, Status::Done, Status::Failed, Status::Incomplete] {
            assert_eq!(lapsed.status_of(status, Some(&gone)), status);
        }
    }
}
