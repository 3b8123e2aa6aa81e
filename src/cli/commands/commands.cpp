// SPDX-License-Identifier: MIT
// The list of commands.
#include "cli/commands/commands.hpp"

namespace vmfleet::cli {

void add_commands(Program& program) {
  add_up(program);
  add_run(program);
  add_start(program);
  add_restart(program);
  add_stop(program);
  add_kill(program);
  add_down(program);
  add_rm(program);
  add_config(program);
  add_ps(program);
  add_wait(program);
  add_logs(program);
  add_events(program);
  add_inspect(program);
  add_port(program);
  add_cmdline(program);
  add_pause(program);
  add_snapshot(program);
  add_restore(program);
  add_forward(program);
  add_console(program);
  add_exec(program);
  add_ssh(program);
  add_ssh_config(program);
  add_cp(program);
  add_send(program);
  add_qmp(program);
  add_image(program);
  add_template(program);
  add_doctor(program);
  add_report(program);
  add_gc(program);
  add_completion(program);
  add_version(program);
  add_help(program);
}

}  // namespace vmfleet::cli
