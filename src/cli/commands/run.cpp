// SPDX-License-Identifier: MIT
// vmfleet run: a program on this host with a fleet of its own, which lives as long as the program.
#include <cctype>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/foreground.hpp"
#include "cli/own_root.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/report_printer.hpp"
#include "cli/require_program.hpp"
#include "cli/run_roots.hpp"
#include "cli/ssh_target.hpp"
#include "cli/up_spec.hpp"

namespace vmfleet::cli {

namespace {

// Another command may hold a machine's lock for some seconds.
constexpr Milliseconds kCleanupLimit(30'000);

struct RunArguments {
  RunArguments() = default;
  SpecArguments spec;
  std::vector<std::string> words;
  std::optional<Milliseconds> timeout;
  std::optional<std::size_t> max_boot;
  CloneArguments clone;
};

/// `web-0` as part of a variable's name.
std::string variable_part(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    part += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return part;
}

std::vector<std::string> variables_of(const Context& own, const FleetReport& report,
                                      const std::filesystem::path& document) {
  std::vector<std::string> names;
  std::vector<std::string> variables;
  for (const auto& machine : report.machines) {
    names.push_back(machine.name);
    for (const auto& port : machine.ports) {
      variables.push_back(fmt::format("VMFLEET_{}_PORT_{}={}", variable_part(machine.name),
                                      variable_part(port.name), port.host_port));
    }
  }
  variables.push_back("VMFLEET_FLEET=" + own.fleet_name());
  variables.push_back("VMFLEET_STATE_DIR=" + own.state_root().string());
  variables.push_back("VMFLEET_MACHINES=" + join(names, " "));
  variables.push_back("VMFLEET_JSON=" + document.string());
  return variables;
}

std::string ssh_config_of(const FleetReport& report) {
  std::vector<std::filesystem::path> directories;
  for (const auto& machine : report.machines) directories.push_back(machine.directory);
  std::vector<SshTarget> targets;
  for (auto& target : find_ssh_targets(directories)) {
    if (fits_ssh_config(target)) targets.push_back(std::move(target));
  }
  return format_ssh_config(targets);
}

Task<EphemeralFleet> boot(Context& context, const Context& own, const RunArguments& arguments,
                          FleetSpec spec) {
  UpOptions options;
  options.timeout = arguments.timeout;
  options.max_boot = arguments.max_boot.value_or(0);
  options.cloned = arguments.clone.chosen();
  const auto progress = make_progress(context);
  options.progress = observer_of(*progress);
  std::vector<std::string> names;
  for (const auto& machine : spec.machines) names.push_back(machine.config.name);
  progress->expect(names);
  Fleet fleet = own.fleet();
  Task<EphemeralFleet> work = fleet.up_ephemeral(std::move(spec), std::move(options));
  co_return co_await show_progress(*progress, std::move(work));
}

/// Starts machines again while the program runs, and tells of it in lines: the terminal is the
/// program's.
class Supervisor {
 public:
  Supervisor(const Context& context, const Context& own, const RunArguments& arguments)
      : globals_(in_lines(context.globals)),
        context_(globals_),
        fleet_(own.fleet()),
        arguments_(arguments) {}

  Task<void> run(EphemeralFleet& fleet, FleetSpec spec) {
    UpOptions options;
    options.timeout = arguments_.timeout;
    const auto progress = make_progress(context_);
    options.progress = observer_of(*progress);
    co_await fleet_.supervise(fleet, std::move(spec), std::move(options));
  }

 private:
  static Globals in_lines(Globals globals) {
    const bool drawn =
        globals.progress == ProgressMode::automatic || globals.progress == ProgressMode::tty;
    if (drawn) globals.progress = globals.quiet ? ProgressMode::none : ProgressMode::plain;
    return globals;
  }

  Globals globals_;
  Context context_;
  Fleet fleet_;
  const RunArguments& arguments_;
};

Task<int> run_in(Context& context, const OwnRoot& root, const Context& own,
                 const RunArguments& arguments) {
  const FleetSpec spec = resolve_spec(own, arguments.spec);
  EphemeralFleet fleet = co_await boot(context, own, arguments, spec);
  if (fleet.report.failed() > 0) {
    tell_report(context, fleet.report, "vmfleet.run/1");
    co_return kOwnFailure;
  }
  const std::filesystem::path document = root.path() / "ps.json";
  files::write_atomically(document, json::write(fleet.report.to_json("vmfleet.ps/1"), 2) + "\n");
  std::vector<std::string> variables = variables_of(own, fleet.report, document);
  const std::filesystem::path ssh_config = root.path() / "ssh_config";
  files::write_atomically(ssh_config, ssh_config_of(fleet.report));
  variables.push_back("VMFLEET_SSH_CONFIG=" + ssh_config.string());
  Supervisor supervisor(context, own, arguments);
  auto body = [&](TaskGroup& group) -> Task<int> {
    auto supervise = [&]() { return supervisor.run(fleet, spec); };
    group.start(supervise);
    const int code = co_await run_in_foreground(context, arguments.words, std::move(variables));
    group.cancel();
    co_return code;
  };
  co_return co_await with_task_group(body);
}

/// What runs that were killed have left: their keys, and machines that did not die with them.
Task<void> remove_abandoned(const Context& context) {
  std::vector<OwnRoot> roots = OwnRoot::take_abandoned();
  for (auto& root : roots) {
    try {
      co_await end_others(context, root);
    } catch (const Error& error) {
      // This run is not about it.
      context.say(fmt::format("vmfleet: warning: {} of an earlier run stays: {}",
                              root.path().string(), error.message()));
    }
  }
}

/// The outcome is the program's, also when something that it has left cannot be removed.
Task<void> end_own(const Context& context, OwnRoot& root) {
  try {
    co_await end_others(context, root);
  } catch (const Error& error) {
    context.say(fmt::format("vmfleet: warning: {}", error.message()));
  }
}

/// Whatever keeps it from being removed, its user learns where the machines are.
class LeftRoot {
 public:
  LeftRoot(const Context& context, const OwnRoot& root) : context_(context), root_(root) {}
  LeftRoot(const LeftRoot&) = delete;
  LeftRoot& operator=(const LeftRoot&) = delete;
  ~LeftRoot() {
    if (root_.is_removed()) return;
    context_.say(fmt::format(
        "vmfleet: machines may still run, with their files in {}; the next `vmfleet run` ends them",
        root_.path().string()));
  }

 private:
  const Context& context_;
  const OwnRoot& root_;
};

Task<int> run(Context& context, const RunArguments& arguments) {
  require_program(arguments.words.at(0));
  context.cleans_up = true;
  co_await remove_abandoned(context);
  OwnRoot root;
  const LeftRoot left(context, root);
  Globals globals = context.globals;
  globals.state_dir = root.path().string();
  globals.fleet = root.fleet_name();
  const Context own(globals);
  auto cleanup = [&]() -> Task<void> { return end_own(context, root); };
  Task<int> work = run_in(context, root, own, arguments);
  co_return co_await finally(std::move(work), kCleanupLimit, cleanup);
}

}  // namespace

void add_run(Program& program) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App& app = program.command(group::kFleet, "run",
                                  "run a program with a fleet of its own, which ends with it");
  add_program(app, arguments->words);
  add_spec_options(app, arguments->spec);
  add_timeout(app, arguments->timeout, "for each machine to become ready");
  add_count(app, "--max-boot", arguments->max_boot, 1, kMostMachines, "",
            "how many boot at a time (emulated: as many as processors)");
  add_clone_options(app, arguments->clone);
  set_footer(app,
             "vmfleet run -n 3 --forward ssh:22 -- ./test.sh\n"
             "vmfleet run -- sh -c 'echo $VMFLEET_MACHINES; vmfleet logs'");
  program.runs_program(app, [arguments](Context& context) { return run(context, *arguments); });
}

}  // namespace vmfleet::cli
