// SPDX-License-Identifier: MIT
// vmfleet qmp: one command to a machine, or to any QMP server; or its events.
#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/qmp/client.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/event_printer.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/qmp_arguments.hpp"

namespace vmfleet::cli {

namespace {

struct QmpArguments {
  QmpArguments() = default;
  std::string socket;
  std::vector<std::string> words;  // [NAME] COMMAND [ARGUMENT…]
  std::optional<Milliseconds> timeout;
  bool events = false;
};

Error usage(const std::string& message) {
  return Error(ErrorKind::invalid_config, message)
      .hint("vmfleet qmp NAME COMMAND [key=value…], or vmfleet qmp --socket PATH COMMAND …");
}

Task<qmp::Client> connect_to_machine(std::filesystem::path directory,
                                     std::optional<Milliseconds> timeout) {
  Machine machine = co_await Machine::adopt(std::move(directory));
  co_return co_await machine.connect(timeout);
}

Task<qmp::Client> connect_to_socket(const QmpArguments& arguments) {
  qmp::ClientOptions options;
  if (arguments.timeout) options.greeting_timeout = *arguments.timeout;
  co_return co_await qmp::Client::connect(arguments.socket, options);
}

Task<void> execute(const Context& context, const QmpArguments& arguments, qmp::Client& client,
                   std::string command, json::Value parameters) {
  qmp::CommandOptions options;
  options.timeout = arguments.timeout;
  const qmp::Reply reply = co_await client.try_execute(command, std::move(parameters), options);
  if (!reply.ok()) {
    // Whatever QEMU's class for it: the machine exists, the command failed.
    throw Error(ErrorKind::unavailable,
                fmt::format("QEMU refused {}: {}", command, reply.error->description))
        .evidence(fmt::format("{}: {}", reply.error->error_class, reply.error->description));
  }
  if (!context.globals.json) {
    context.answer(reply.value);
    co_return;
  }
  json::Object document;
  document.set("schema", "vmfleet.qmp/1");
  document.set("return", reply.value);
  context.answer(std::move(document));
}

Task<void> print_events_of_client(const Context& context, qmp::Client& client) {
  qmp::EventStream events = client.events();
  for (;;) {
    const qmp::Event event = co_await events.next();
    context.out.write(format_event("", event, context.globals.json));
  }
}

Task<void> follow_socket(const Context& context, const QmpArguments& arguments) {
  qmp::Client client = co_await connect_to_socket(arguments);
  co_await print_events_of_client(context, client);
}

/// The limit is how long to listen: reaching it is the end, not a failure.
Task<void> listen(Task<void> events, std::optional<Milliseconds> limit) {
  if (limit) {
    co_await when_any(std::move(events), sleep_for(*limit));
  } else {
    co_await std::move(events);
  }
}

Task<int> qmp_command(Context& context, const QmpArguments& arguments) {
  std::vector<std::string> words = arguments.words;
  std::filesystem::path directory;
  if (arguments.socket.empty()) {
    if (words.empty()) throw usage("NAME is missing");
    directory = context.directory_of(words.front());
    words.erase(words.begin());
  }
  if (arguments.events) {
    if (!words.empty()) throw usage("--events takes no command");
    context.streams = true;
    Task<void> events = arguments.socket.empty()
                            ? print_events(context, directory.filename().string(), directory,
                                           EventsUntil::ended, true)
                            : follow_socket(context, arguments);
    co_await listen(std::move(events), arguments.timeout);
    co_return kDone;
  }
  if (words.empty()) throw usage("COMMAND is missing");
  const std::string command = words.front();
  words.erase(words.begin());
  json::Value parameters = parse_qmp_arguments(words).value();
  Task<qmp::Client> connecting = arguments.socket.empty()
                                     ? connect_to_machine(directory, arguments.timeout)
                                     : connect_to_socket(arguments);
  qmp::Client client = co_await std::move(connecting);
  co_await execute(context, arguments, client, command, std::move(parameters));
  co_return kDone;
}

}  // namespace

void add_qmp(Program& program) {
  auto arguments = std::make_shared<QmpArguments>();
  CLI::App& app = program.command(group::kMachine, "qmp", "run a QMP command");
  add_text(app, "--socket", "PATH", arguments->socket, "any QMP server's socket, in place of NAME");
  add_duration(app, "--timeout", arguments->timeout, "how long to wait for each answer (30s)");
  add_flag(app, "--events", arguments->events,
           "print events as they come, for --timeout or for ever");
  add_positionals(app, "NAME COMMAND ARGUMENT", arguments->words,
                  "the machine, the command, its arguments: a JSON object or key=value words");
  set_footer(
      app,
      "vmfleet qmp web-0 query-status\n"
      "vmfleet qmp web-0 set_link name=n0 up=false\n"
      "vmfleet qmp --socket /run/qemu.sock screendump '{\"filename\": \"/tmp/screen.ppm\"}'");
  program.runs(app, [arguments](Context& context) { return qmp_command(context, *arguments); });
}

}  // namespace vmfleet::cli
