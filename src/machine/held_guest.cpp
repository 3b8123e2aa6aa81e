// SPDX-License-Identifier: MIT
// A file in the snapshot's folder tells that the guest is held.
#include "machine/held_guest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <io/temporary_folder.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/snapshot_record.hpp"

namespace vmfleet {

namespace {

constexpr const char* kMark = "stopped";
constexpr Milliseconds kSoonAgain(10);
// *Source*: QEMU's QMP reference, RunState.
constexpr std::string_view kBeingSaved = "finish-migrate";

/// Nothing runs while QEMU is in the last step of saving, or gives that up.
Task<void> go_on_after_saving(qmp::Client& client) {
  const qmp::Reply ignored = co_await client.try_execute("migrate_cancel");
  static_cast<void>(ignored);
  for (;;) {
    const qmp::Reply reply = co_await client.try_execute("cont");
    if (reply.ok()) co_return;
    const qmp::Status status = co_await qmp::query_status(client);
    if (status.state != kBeingSaved) throw qmp::to_error(*reply.error, "cont");
    co_await sleep_for(kSoonAgain);
  }
}

}  // namespace

Task<void> hold_guest(qmp::Client& client, std::filesystem::path folder) {
  { const UniqueFd mark = files::open(folder / kMark, O_WRONLY | O_CREAT); }
  co_await qmp::stop(client);
}

Task<void> let_guest_go_on(qmp::Client& client, std::filesystem::path folder) {
  co_await go_on_after_saving(client);
  ::unlink((folder / kMark).c_str());
}

bool holds_guest(const std::filesystem::path& snapshots) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(snapshots, none)) {
    const bool begun = entry.path().filename().string().front() == '.';
    if (begun && std::filesystem::exists(entry.path() / kMark, none)) return true;
  }
  return false;
}

Task<void> end_abandoned_snapshot(Machine::Live& live) {
  const auto all = snapshots_of(live.directory.path());
  if (!holds_guest(all)) co_return;
  qmp::Client client = co_await live.connect();
  co_await go_on_after_saving(client);
  remove_abandoned(all, ".");
}

}  // namespace vmfleet
