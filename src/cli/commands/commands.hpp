// SPDX-License-Identifier: MIT
// Every command of the program, one file each.
#pragma once

namespace CLI {
class App;
}

namespace vmfleet::cli {

class Program;

/// Adds all of them, in the order of --help.
void add_commands(Program& program);

void add_up(Program& program);
void add_run(Program& program);
void add_config(Program& program);
void add_down(Program& program);
void add_start(Program& program);
void add_restart(Program& program);
void add_stop(Program& program);
void add_rm(Program& program);
void add_kill(Program& program);
void add_ps(Program& program);
void add_inspect(Program& program);
void add_logs(Program& program);
void add_events(Program& program);
void add_wait(Program& program);
void add_port(Program& program);
void add_snapshot(Program& program);
void add_restore(Program& program);
void add_forward(Program& program);
void add_cmdline(Program& program);
void add_pause(Program& program);
void add_console(Program& program);
void add_exec(Program& program);
void add_ssh(Program& program);
void add_ssh_config(Program& program);
void add_cp(Program& program);
void add_send(Program& program);
void add_qmp(Program& program);
void add_image(Program& program);
/// Below `image`.
void add_image_removal(Program& program, CLI::App& image);
void add_template(Program& program);
void add_doctor(Program& program);
void add_report(Program& program);
void add_gc(Program& program);
void add_help(Program& program);
void add_completion(Program& program);
void add_version(Program& program);

}  // namespace vmfleet::cli
