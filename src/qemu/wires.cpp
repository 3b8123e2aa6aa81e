// SPDX-License-Identifier: MIT
// Character devices and monitors on the wires of an instance.
#include <vmfleet/qemu/wires.hpp>

#include <fmt/format.h>

#include "qemu/parts.hpp"

namespace vmfleet {

Wires Wires::in_directory(const std::filesystem::path& directory) {
  Wires wires;
  wires.control = kControlFd;
  wires.qmp = kQmpFd;
  wires.monitor = kMonitorFd;
  wires.agent = kAgentFd;
  wires.identity = kIdentityFd;
  wires.events = true;
  wires.serial_log = (directory / "serial.log").string();
  wires.serial_in = (directory / "serial.in").string();
  wires.serial_pipe = (directory / "serial").string();
  wires.pid_file = (directory / "pid").string();
  wires.directory = directory;
  return wires;
}

bool serial_is_pipe(const MachineConfig& config) {
  return config.arch == Arch::aarch64 && !config.features.chardev_input_path;
}

namespace qemu {
namespace {

void add_listener(OptionList& options, std::string_view id, int fd) {
  options.plain("-chardev", fmt::format("socket,id={},fd={},server=on,wait=off", id, fd));
}

void add_monitors(OptionList& options, const Wires& wires) {
  if (wires.control) {
    add_listener(options, "control", *wires.control);
    options.plain("-mon", "chardev=control,mode=control");
  }
  if (wires.events) {
    // Ctrl-C in QEMU's terminal is no business of the event log.
    options.plain("-chardev", "stdio,id=events,signal=off");
    options.plain("-mon", "chardev=events,mode=control");
  }
  if (wires.qmp) {
    add_listener(options, "qmp", *wires.qmp);
    options.plain("-mon", "chardev=qmp,mode=control");
  }
  if (wires.monitor) {
    add_listener(options, "monitor", *wires.monitor);
    options.plain("-mon", "chardev=monitor,mode=readline");
  }
}

void add_serial(OptionList& options, const MachineConfig& config, const Wires& wires) {
  if (wires.serial_log.empty()) {
    options.keyed("-chardev", "null", {{"id", kSerialChardev}});
  } else if (config.features.chardev_input_path && !wires.serial_in.empty()) {
    options.keyed("-chardev", "file",
                  {{"id", kSerialChardev},
                   {"path", wires.serial_log},
                   {"input-path", wires.serial_in},
                   {"append", "on"}});
  } else if (serial_is_pipe(config) && !wires.serial_pipe.empty()) {
    options.keyed("-chardev", "pipe",
                  {{"id", kSerialChardev},
                   {"path", wires.serial_pipe},
                   {"logfile", wires.serial_log},
                   {"logappend", "on"}});
  } else {
    options.keyed("-chardev", "file",
                  {{"id", kSerialChardev}, {"path", wires.serial_log}, {"append", "on"}});
  }
  options.plain("-serial", fmt::format("chardev:{}", kSerialChardev));
}

void add_port(OptionList& options, std::string_view chardev, const std::optional<int>& socket,
              std::string_view id, std::string_view name) {
  if (socket) {
    add_listener(options, chardev, *socket);
  } else {
    options.keyed("-chardev", "null", {{"id", chardev}});
  }
  json::Object port;
  port.set("driver", "virtserialport").set("bus", "vserial0.0").set("id", id);
  port.set("chardev", chardev).set("name", name);
  options.json("-device", port);
}

void add_ports(OptionList& options, const MachineConfig& config, const Wires& wires) {
  if (!config.agent) return;
  json::Object controller;
  controller.set("driver", virtio_driver("virtio-serial", config)).set("id", "vserial0");
  options.json("-device", controller);
  if (config.identity_port) {
    add_port(options, kIdentityChardev, wires.identity, "identityport0", "org.vmfleet.identity.0");
  }
  add_port(options, kAgentChardev, wires.agent, "agentport0", "org.qemu.guest_agent.0");
}

}  // namespace

void add_wires(OptionList& options, const MachineConfig& config, const Wires& wires) {
  if (!wires.pid_file.empty()) options.plain("-pidfile", wires.pid_file);
  add_monitors(options, wires);
  add_serial(options, config, wires);
  add_ports(options, config, wires);
}

}  // namespace qemu
}  // namespace vmfleet
