// SPDX-License-Identifier: MIT
// vmfleet console: the terminal on a machine's serial port, or on one of QEMU's monitors.
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include <vmfleet/async/when.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/console.hpp>
#include <vmfleet/console/log_reader.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/input.hpp>
#include <vmfleet/io/unix_socket.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/raw_terminal.hpp"

namespace vmfleet::cli {

namespace {

constexpr char kLeave = '\x1d';  // ^], as telnet and virsh have it
constexpr std::size_t kLinesBefore = 10;
constexpr Milliseconds kGuestPatience(10'000);

struct ConsoleArguments {
  ConsoleArguments() = default;
  std::string name;
  bool monitor = false;
  bool qmp = false;
};

/// What the keyboard gives, up to the key that leaves; `send` gets the rest.
template <class Send>
Task<void> forward_keys(Send send) {
  Loop& loop = co_await current_loop();
  const bool keyboard = ::isatty(STDIN_FILENO) == 1;
  Input input(loop, STDIN_FILENO);
  std::array<char, 4096> block{};
  for (;;) {
    const std::size_t count = co_await input.read(block);
    std::string keys(block.data(), count);
    const auto leave = keyboard ? keys.find(kLeave) : std::string::npos;
    const bool last = count == 0 || leave != std::string::npos;
    keys = keys.substr(0, leave);
    if (!keys.empty()) co_await send(std::move(keys));
    if (last) co_return;
  }
}

/// Serial output goes to a file and input through a pipe that QEMU holds: any number of terminals
/// see the same, and one that is stopped holds up nobody.
class SerialTerminal {
 public:
  SerialTerminal(Context& context, Loop& loop, std::filesystem::path directory)
      : context_(context),
        directory_(std::move(directory)),
        console_(loop, directory_ / instance_file::kSerial, directory_ / instance_file::kSerialIn),
        output_(loop, directory_ / instance_file::kSerial,
                console::log_tail_start(directory_ / instance_file::kSerial, kLinesBefore)) {}

  Task<void> run() {
    const auto ended = co_await when_any(type(), show(), wait_until_ended(directory_));
    for (TailChunk rest = output_.poll(); !rest.data.empty(); rest = output_.poll()) {
      context_.out.write(rest.data);
    }
    if (ended.index() == 2) context_.say("\r\nvmfleet: the machine has ended\r");
  }

 private:
  Task<void> type() {
    auto send = [this](std::string keys) { return this->send(std::move(keys)); };
    co_await forward_keys(send);
  }

  Task<void> send(std::string keys) {
    std::optional<Error> unread;
    try {
      co_await console_.send(std::move(keys), kGuestPatience);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timed_out) throw;
      unread = error;
    }
    if (unread) context_.say(fmt::format("\r\nvmfleet: {}\r", unread->message()));
  }

  Task<void> show() {
    for (;;) {
      const TailChunk chunk = co_await output_.next();
      context_.out.write(chunk.data);
    }
  }

  Context& context_;
  std::filesystem::path directory_;
  console::Console console_;
  FileTail output_;
};

Task<void> show_socket(Context& context, UnixSocket& socket) {
  std::array<char, 16 * 1024> block{};
  for (;;) {
    const std::size_t count = co_await socket.read(block);
    if (count == 0) co_return;
    context.out.write(std::string_view(block.data(), count));
  }
}

Task<void> type_to_socket(UnixSocket& socket) {
  auto send = [&socket](std::string keys) -> Task<void> { co_await socket.write(keys); };
  co_await forward_keys(send);
}

/// QEMU serves one at a time on each monitor: who comes second waits for the first to leave.
Task<void> attach_socket(Context& context, std::filesystem::path path) {
  UnixSocket socket = co_await UnixSocket::connect(std::move(path));
  co_await when_any(show_socket(context, socket), type_to_socket(socket));
}

Task<int> attach(Context& context, const ConsoleArguments& arguments) {
  if (arguments.monitor && arguments.qmp) {
    throw Error(ErrorKind::invalid_config, "--monitor and --qmp exclude each other");
  }
  Loop& loop = co_await current_loop();
  const auto directory = context.directory_of(arguments.name);
  if (!inspect_machine(directory).pid) {
    throw Error(ErrorKind::exited, fmt::format("{} does not run", arguments.name))
        .hint("see what it wrote with `vmfleet logs`");
  }
  if (::isatty(STDIN_FILENO) == 1) {
    context.say(fmt::format("vmfleet: attached to {}; {} leaves", arguments.name,
                            arguments.qmp ? "Ctrl-D" : "^]"));
  }
  if (arguments.qmp) {
    // Lines, so that they can be edited before they are sent.
    co_await attach_socket(context, directory / instance_file::kQmp);
    co_return kDone;
  }
  {
    const RawTerminal raw(STDIN_FILENO);
    if (arguments.monitor) {
      co_await attach_socket(context, directory / instance_file::kMonitor);
    } else {
      SerialTerminal terminal(context, loop, directory);
      co_await terminal.run();
    }
  }
  if (context.out.is_terminal()) context.out.write("\n");
  co_return kDone;
}

}  // namespace

void add_console(Program& program) {
  auto arguments = std::make_shared<ConsoleArguments>();
  CLI::App& app = program.command(group::kMachine, "console",
                                  "the terminal on a machine's serial port; ^] leaves");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_flag(app, "--monitor", arguments->monitor, "on QEMU's monitor instead");
  add_flag(app, "--qmp", arguments->qmp, "on a QMP monitor instead, line by line");
  program.runs(app, [arguments](Context& context) { return attach(context, *arguments); });
}

}  // namespace vmfleet::cli
