// SPDX-License-Identifier: MIT
// Early death: from QEMU's last words to an error that says what to do.
#include "machine/early_death.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qemu/diagnosis.hpp>

#include "machine/host_ports.hpp"
#include "machine/image_users.hpp"

namespace vmfleet {

namespace {

/// Whether not even QEMU's last words find room.
bool has_no_room(const InstanceDirectory& directory) {
  const auto log = directory.file(instance_file::kQemuErr);
  const UniqueFd fd(::open(log.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd || ::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, 1) == 0) return false;
  return errno == ENOSPC || errno == EDQUOT;
}

/// QEMU names one rule, of several with the same words perhaps, and nobody who has the port.
void explain_ports(const MachineConfig& config, const std::string& words) {
  for (const auto& net : config.nets) {
    for (const auto& forward : net.forwards) {
      auto problem = find_port_problem(forward);
      if (problem) throw std::move(*problem).evidence_lines(last_lines(words));
    }
  }
}

}  // namespace

Task<void> explain_early_death(Machine::Live& live, const MachineConfig& config, Error lost) {
  std::optional<ExitStatus> status;
  try {
    status = co_await with_timeout(kDeathPatience, live.process->wait());
  } catch (const Error&) {
    throw std::move(lost).hint("QEMU closed its control socket, but has not ended");
  }
  const std::string words =
      files::read_end(live.directory.file(instance_file::kQemuErr), Bytes(16 * 1024));
  // Of two launches at once both may have found the image free; QEMU's lock has refused this one.
  if (words.find("using the image") != std::string::npos) require_free_images(config);
  if (words.find("host forwarding rule") != std::string::npos) explain_ports(config, words);
  Error diagnosis = diagnose_exit(words, status->code, status->signal);
  if (words.empty() && has_no_room(live.directory)) {
    const std::string folder = live.directory.path().string();
    throw errno_error(fmt::format("{}, and could not write to {}", diagnosis.message(), folder),
                      ENOSPC)
        .hint("free some space in " + folder);
  }
  if (diagnosis.kind() == ErrorKind::host_unfit) throw diagnosis;
  // Whatever QEMU disliked: that it ended is what the caller can act on.
  throw Error(ErrorKind::exited, diagnosis.message())
      .hint(diagnosis.hint())
      .evidence_lines(diagnosis.evidence());
}

}  // namespace vmfleet
