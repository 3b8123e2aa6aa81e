// SPDX-License-Identifier: MIT
// Migration into a file and out of it.
#include "machine/saved_devices.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qemu/wires.hpp>

namespace vmfleet {

namespace {

constexpr const char* kSocket = "saved.sock";

Task<void> set_up_migration(qmp::Client& client, SavedMemory memory) {
  // By itself it takes a network for what it writes to.
  constexpr std::int64_t kBytesPerSecond = std::int64_t{1} << 40;
  json::Array list;
  const bool left_out = memory == SavedMemory::left_out;
  list.push_back(json::Object{{"capability", "events"}, {"state", true}});
  list.push_back(json::Object{{"capability", "x-ignore-shared"}, {"state", left_out}});
  json::Object capabilities;
  capabilities.set("capabilities", std::move(list));
  co_await client.execute("migrate-set-capabilities", std::move(capabilities));
  json::Object parameters;
  parameters.set("max-bandwidth", kBytesPerSecond);
  co_await client.execute("migrate-set-parameters", std::move(parameters));
}

Task<Error> reason_of_failure(qmp::Client& client) {
  const json::Value status = co_await client.execute("query-migrate");
  const std::string_view words = status.text("error-desc");
  co_return Error(ErrorKind::unavailable, fmt::format("QEMU could not save the machine{}{}",
                                                      words.empty() ? "" : ": ", words));
}

/// Runs one of the two commands to its end, which QEMU announces.
Task<void> migrate(qmp::Client& client, std::string command, std::string uri, SavedMemory memory) {
  co_await set_up_migration(client, memory);
  qmp::EventStreamOptions wanted;
  wanted.names = {"MIGRATION"};
  qmp::EventStream events = client.events(std::move(wanted));
  json::Object arguments;
  arguments.set("uri", std::move(uri));
  co_await client.execute(std::move(command), std::move(arguments));
  for (;;) {
    const qmp::Event event = co_await events.next();
    const std::string_view status = event.data.text("status");
    if (status == "completed") co_return;
    if (status != "failed" && status != "cancelled") continue;
    const Error reason = co_await reason_of_failure(client);
    throw reason;
  }
}

Task<void> receive(UnixListener& listener, int fd, const std::filesystem::path& file) {
  UnixSocket socket = co_await listener.accept();
  std::vector<char> buffer(1 << 20);
  std::size_t count = 0;
  const auto write = [&] { files::write_all(fd, std::string_view(buffer.data(), count), file); };
  for (;;) {
    count = co_await socket.read(buffer);
    if (count == 0) co_return;
    co_await offload(write);
  }
}

}  // namespace

Task<void> save_devices(qmp::Client& client, const InstanceDirectory& directory,
                        std::filesystem::path file, SavedMemory memory) {
  Loop& loop = co_await current_loop();
  const UniqueFd fd = files::open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  ::unlinkat(directory.fd(), kSocket, 0);  // of one that was killed
  // Its sandbox keeps QEMU from programs, and 7.2 knows no files; from its own folder the path is
  // short enough for a socket, wherever that is.
  UnixListener listener = UnixListener::bind(loop, directory.file(kSocket));
  const std::string uri = fmt::format("unix:../{}", kSocket);
  try {
    co_await when_all(migrate(client, "migrate", uri, memory), receive(listener, fd.get(), file));
  } catch (...) {
    ::unlinkat(directory.fd(), kSocket, 0);
    throw;
  }
  ::unlinkat(directory.fd(), kSocket, 0);
  const auto sync = [&] {
    if (::fsync(fd.get()) != 0) throw errno_error("write " + file.string(), errno);
  };
  // Of a snapshot all of it is made durable when the guest runs again.
  if (memory == SavedMemory::left_out) co_await offload(sync);
}

Task<void> load_devices(qmp::Client& client, SavedMemory memory) {
  return migrate(client, "migrate-incoming", fmt::format("fd:{}", Wires::kSavedFd), memory);
}

}  // namespace vmfleet
