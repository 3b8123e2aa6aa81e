// SPDX-License-Identifier: MIT
// Making the wires.
#include "machine/wiring.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/unix_socket.hpp>

namespace vmfleet {

namespace {

using namespace instance_file;

constexpr off_t kLinesOfFullDisk = 4096;

UniqueFd make_log(const InstanceDirectory& directory, const char* name) {
  return files::open(directory.file(name), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW);
}

/// Opened for both directions, so that it has a reader and a writer for as long as QEMU lives.
UniqueFd make_fifo(const InstanceDirectory& directory, const char* name) {
  const auto path = directory.file(name);
  if (::mkfifoat(directory.fd(), name, 0600) != 0) {
    throw errno_error("make " + path.string(), errno);
  }
  return files::open(path, O_RDWR | O_NOFOLLOW);
}

}  // namespace

Wiring::Wiring(const InstanceDirectory& directory, bool serial_is_pipe)
    : alive_(lock_alive(directory)) {
  control_ = listen_unix(directory.file(kControl));
  qmp_ = listen_unix(directory.file(kQmp));
  monitor_ = listen_unix(directory.file(kMonitor));
  agent_ = listen_unix(directory.file(kAgent));
  make_log(directory, kSerial);
  // Has room for its lines from the beginning, where that can be had: they tell of a full disk.
  const UniqueFd full_disk = make_log(directory, kFullDisk);
  ::fallocate(full_disk.get(), FALLOC_FL_KEEP_SIZE, 0, kLinesOfFullDisk);
  serial_in_ = make_fifo(directory, kSerialIn);
  if (serial_is_pipe && ::symlinkat("/dev/null", directory.fd(), kSerialOut) != 0) {
    throw errno_error("make " + directory.file(kSerialOut).string(), errno);
  }
  events_in_ = make_fifo(directory, kEventsIn);
  // Filled before QEMU exists: its monitor negotiates by itself and then logs every event.
  files::write_all(events_in_.get(), "{\"execute\": \"qmp_capabilities\"}\n",
                   directory.file(kEventsIn));
  events_out_ = make_log(directory, kEvents);
  errors_ = make_log(directory, kQemuErr);
  if (::mkdirat(directory.fd(), kWorkingDirectory, 0700) != 0 && errno != EEXIST) {
    throw errno_error("make " + directory.file(kWorkingDirectory).string(), errno);
  }
}

std::vector<std::pair<int, int>> Wiring::descriptors() const {
  static_assert(Wires::kAliveFd == kAliveDescriptor, "by this QEMU is recognised");
  return {{0, events_in_.get()},
          {1, events_out_.get()},
          {2, errors_.get()},
          {Wires::kControlFd, control_.get()},
          {Wires::kQmpFd, qmp_.get()},
          {Wires::kMonitorFd, monitor_.get()},
          {Wires::kAgentFd, agent_.get()},
          {Wires::kAliveFd, alive_.get()},
          {Wires::kSerialInFd, serial_in_.get()}};
}

}  // namespace vmfleet
