// SPDX-License-Identifier: MIT
// vmfleet exec: a program in a guest, through its agent or by ssh.
#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/escapes.hpp"
#include "cli/exit_code.hpp"
#include "cli/foreground.hpp"
#include "cli/program.hpp"
#include "cli/ssh_target.hpp"

namespace vmfleet::cli {

namespace {

// A guest that says on its console that it is ready has its agent a moment later.
constexpr Milliseconds kAgentPatience(10'000);
constexpr Milliseconds kPatienceBeforeSsh(2'000);

struct ExecArguments {
  ExecArguments() = default;
  std::string name;
  std::vector<std::string> words;
  bool raw = false;
};

/// A guest must not drive the user's terminal; a file gets what the guest wrote.
std::string shown_on(const Stream& stream, const std::string& text, bool raw) {
  if (raw || !stream.is_terminal()) return text;
  std::vector<std::string> lines;
  const std::string plain = strip_escapes(text);
  for (const auto line : split(plain, '\n')) lines.push_back(sanitize(line));
  return join(lines, "\n");
}

Task<void> wait_for_agent(Machine& machine, Milliseconds patience) {
  Readiness agent;
  agent.agent = true;
  agent.timeout = patience;
  co_await machine.wait_for(agent);
}

/// Whether it does not come in a short time, which is no failure where there is ssh.
Task<bool> lacks_agent(Machine& machine, AgentPort port) {
  if (port == AgentPort::absent) co_return true;
  try {
    co_await wait_for_agent(machine, kPatienceBeforeSsh);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
    co_return true;
  }
  co_return false;
}

/// By ssh if there is a way, and no agent.
Task<std::optional<SshTarget>> agree_on_ssh(Machine& machine) {
  const AgentPort port = co_await machine.agent_port();
  if (port == AgentPort::open) co_return std::nullopt;
  std::vector<std::filesystem::path> directories{machine.directory()};
  const auto targets = find_ssh_targets(directories);
  if (targets.empty()) {
    co_await wait_for_agent(machine, kAgentPatience);
    co_return std::nullopt;
  }
  const bool by_ssh = co_await lacks_agent(machine, port);
  if (!by_ssh) co_return std::nullopt;
  co_return targets[0];
}

void refuse_paused(const Machine& machine) {
  if (machine.report().state != MachineState::paused) return;
  throw Error(ErrorKind::unavailable, machine.name() + " is paused")
      .hint("vmfleet resume " + machine.name());
}

/// The words as they are: ssh gives them to a shell.
Task<int> exec_by_ssh(Context& context, const SshTarget& target, const ExecArguments& arguments) {
  std::vector<std::string> line{shell_join(arguments.words)};
  std::vector<std::string> variables;
  GuestStreams guest(context, arguments.raw);
  co_return co_await run_in_foreground(context, ssh_command(target, line), std::move(variables),
                                       &guest);
}

Task<int> exec(Context& context, const ExecArguments& arguments) {
  const std::filesystem::path directory = context.directory_of(arguments.name);
  Machine machine = co_await Machine::adopt(directory);
  refuse_paused(machine);
  const auto target = co_await agree_on_ssh(machine);
  if (target) co_return co_await exec_by_ssh(context, *target, arguments);
  const ProcessOutput output = co_await machine.exec(arguments.words);
  context.out.write(shown_on(context.out, output.out, arguments.raw));
  context.err.try_write(shown_on(context.err, output.err, arguments.raw));
  if (output.truncated) context.say("vmfleet: the output was cut off: it is larger than 16 MiB");
  const ExitStatus& status = output.status;
  co_return status.signal != 0 ? interrupted_code(status.signal) : status.code;
}

}  // namespace

void add_exec(Program& program) {
  auto arguments = std::make_shared<ExecArguments>();
  CLI::App& app = program.command(group::kMachine, "exec", "run a program in a guest");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_program(app, arguments->words);
  add_flag(app, "--raw", arguments->raw, "escape sequences too, on a terminal");
  set_footer(app, "vmfleet exec web-0 -- uname -a");
  program.runs_program(app, [arguments](Context& context) { return exec(context, *arguments); });
}

}  // namespace vmfleet::cli
