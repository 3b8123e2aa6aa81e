// SPDX-License-Identifier: MIT
// Everything public but the test kit.
#pragma once

#include <vmfleet/base/base64.hpp>
#include <vmfleet/base/check.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/find_program.hpp>
#include <vmfleet/base/home_directory.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/result.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/base/utf8.hpp>

#include <vmfleet/async/cancel.hpp>
#include <vmfleet/async/channel.hpp>
#include <vmfleet/async/clock.hpp>
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>

#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/input.hpp>
#include <vmfleet/io/pidfd.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/io/signals.hpp>
#include <vmfleet/io/tcp_socket.hpp>
#include <vmfleet/io/unix_socket.hpp>

#include <vmfleet/qmp/agent_client.hpp>
#include <vmfleet/qmp/client.hpp>
#include <vmfleet/qmp/commands.hpp>
#include <vmfleet/qmp/event_log.hpp>
#include <vmfleet/qmp/event_stream.hpp>
#include <vmfleet/qmp/framer.hpp>
#include <vmfleet/qmp/message.hpp>

#include <vmfleet/console/console.hpp>
#include <vmfleet/console/crash_patterns.hpp>
#include <vmfleet/console/crash_watch.hpp>
#include <vmfleet/console/log_reader.hpp>
#include <vmfleet/console/matcher.hpp>
#include <vmfleet/console/near_miss.hpp>
#include <vmfleet/console/pattern.hpp>

#include <vmfleet/image/image.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/image/initrd.hpp>
#include <vmfleet/image/kernel_image.hpp>
#include <vmfleet/image/staging.hpp>

#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/instance/state_root.hpp>

#include <vmfleet/qemu/arch.hpp>
#include <vmfleet/qemu/command_line.hpp>
#include <vmfleet/qemu/device.hpp>
#include <vmfleet/qemu/diagnosis.hpp>
#include <vmfleet/qemu/disk.hpp>
#include <vmfleet/qemu/features.hpp>
#include <vmfleet/qemu/forward.hpp>
#include <vmfleet/qemu/injected_files.hpp>
#include <vmfleet/qemu/injection.hpp>
#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/net.hpp>
#include <vmfleet/qemu/port_forward.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>
#include <vmfleet/qemu/share.hpp>
#include <vmfleet/qemu/validate.hpp>
#include <vmfleet/qemu/wires.hpp>

#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/machine/host_qemu.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/machine/machine_report.hpp>
#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/machine/snapshot.hpp>
#include <vmfleet/machine/stop.hpp>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/fleet_report.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/fleet/image_garbage.hpp>
#include <vmfleet/fleet/progress.hpp>
#include <vmfleet/fleet/ssh_key.hpp>
#include <vmfleet/fleet/up_plan.hpp>
