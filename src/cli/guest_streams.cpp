// SPDX-License-Identifier: MIT
// Pipes between a child and our terminal.
#include "cli/guest_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/input.hpp>

#include "cli/log_lines.hpp"

namespace vmfleet::cli {

void GuestStreams::put_between(ProcessOptions& options) {
  if (raw_) return;
  for (auto& [child, ours] : options.descriptors) {
    if (ours != STDOUT_FILENO && ours != STDERR_FILENO) continue;
    const Stream& shown = ours == STDOUT_FILENO ? context_.out : context_.err;
    if (!shown.is_terminal()) continue;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("make a pipe", errno);
    Between& between = betweens_.emplace_back();
    between.shown = &shown;
    between.read = UniqueFd(ends[0]);
    between.write = UniqueFd(ends[1]);
    ours = ends[1];
  }
}

Task<ExitStatus> GuestStreams::wait(Process& process) {
  auto body = [&](TaskGroup& group) -> Task<ExitStatus> {
    for (auto& between : betweens_) {
      between.write.reset();
      group.start(&GuestStreams::show, &between);
    }
    const ExitStatus status = co_await process.wait();
    co_return status;
  };
  co_return co_await with_task_group(body);
}

Task<void> GuestStreams::show(Between* between) {
  Loop& loop = co_await current_loop();
  Input input(loop, between->read.get());
  LogFormat format;
  format.open_lines = true;
  LogLines lines(std::move(format));
  std::array<char, 16 * 1024> bytes;
  const std::span<char> into(bytes);
  for (std::size_t count = 1; count > 0;) {
    count = co_await input.read(into);
    const std::string_view seen(bytes.data(), count);
    between->shown->write(count > 0 ? lines.feed(seen, std::nullopt) : lines.finish());
  }
}

}  // namespace vmfleet::cli
