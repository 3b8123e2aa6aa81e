// SPDX-License-Identifier: MIT
// The device tables of a machine: disk, net, share, inject.
#include <fmt/format.h>

#include "fleet/spec_machine.hpp"

namespace vmfleet::spec {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// One `Table` for each element of a list of tables.
template <class Read>
void each_table(Table& table, std::string_view key, Read read) {
  std::size_t index = 0;
  for (const Node* node : table.tables(key)) {
    Table element(*node, fmt::format("{}[{}]", table.path_of(key), index++), table.problems());
    read(element);
    element.finish();
  }
}

Disk read_disk(Table& table, const MachineReader& reader) {
  Disk disk;
  table.text("file", disk.file);
  if (disk.file.empty()) table.add("file", "a disk needs a file");
  disk.file = absolute_path(disk.file, reader.folder);
  if (ends_with(disk.file, ".qcow2")) disk.format = DiskFormat::qcow2;
  table.word("format", parse_disk_format, disk.format);
  table.word("mode", parse_disk_mode, disk.mode);
  table.word("cache", parse_disk_cache, disk.cache);
  table.word("aio", parse_disk_aio, disk.aio);
  table.flag("iothread", disk.iothread);
  table.text("id", disk.id);
  table.text("serial", disk.serial);
  table.text("pci_address", disk.pci_address);
  table.bytes("size", [&](Bytes size) { disk.size = size; });
  return disk;
}

void read_forwards(Table& table, Net& net) {
  std::vector<std::string> forwards;
  table.texts("forward", forwards);
  for (std::size_t i = 0; i < forwards.size(); ++i) {
    const Result<Forward> forward = parse_forward(forwards[i]);
    if (forward) {
      net.forwards.push_back(*forward);
    } else {
      table.add(fmt::format("forward[{}]", i), forward.error().message(), forward.error().hint());
    }
  }
}

Net read_net(Table& table, const MachineReader& reader) {
  Net net;
  table.word("type", parse_net_type, net.type);
  table.text("mac", net.mac);
  table.text("subnet", net.subnet);
  table.text("dhcp_start", net.dhcp_start);
  table.text("dns", net.dns);
  table.text("host", net.host);
  table.flag("restrict", net.restrict_guest);
  table.text("interface", net.interface);
  table.text("up_script", net.up_script);
  net.up_script = absolute_path(net.up_script, reader.folder);
  table.text("lan", net.lan);
  table.text("address", net.address);
  read_forwards(table, net);
  return net;
}

Share read_share(Table& table, const MachineReader& reader) {
  Share share;
  table.word("type", parse_share_type, share.type);
  table.text("path", share.path);
  if (share.path.empty()) table.add("path", "a share needs a path");
  share.path = absolute_path(share.path, reader.folder);
  table.text("tag", share.tag);
  std::string mode = "ro";
  table.text("mode", mode);
  if (mode != "ro" && mode != "rw")
    table.add("mode", fmt::format("\"{}\" is neither \"ro\" nor \"rw\"", mode));
  share.writable = mode == "rw";
  table.flag("root", share.root);
  return share;
}

void read_tool(Table& table, const MachineReader& reader, Injection& injection) {
  table.texts("command", injection.command);
  table.duration("timeout", [&](Milliseconds timeout) { injection.timeout = timeout; });
  if (injection.command.empty()) return;
  injection.directory = reader.folder.string();
  // A name without a slash is looked up in PATH.
  std::string& program = injection.command[0];
  if (program.find('/') != std::string::npos) program = absolute_path(program, reader.folder);
}

Injection read_injection(Table& table, const MachineReader& reader) {
  Injection injection;
  const bool has_way = table.node().find("via") != nullptr;
  if (!has_way) {
    table.add("via", "the way into the guest is missing",
              "one of: initrd, fw_cfg, credential, cloud-init, tool");
  }
  table.word("via", parse_injection_way, injection.via);
  table.text("path", injection.path);
  table.text("source", injection.source);
  injection.source = absolute_path(injection.source, reader.folder);
  std::string text;
  table.text("text", text);
  if (table.node().find("text") != nullptr) injection.text = text;
  read_tool(table, reader, injection);
  return injection;
}

}  // namespace

void read_disks(Table& table, MachineReader& reader) {
  each_table(table, "disk",
             [&](Table& disk) { reader.machine.config.disks.push_back(read_disk(disk, reader)); });
}

void read_nets(Table& table, MachineReader& reader) {
  each_table(table, "net",
             [&](Table& net) { reader.machine.config.nets.push_back(read_net(net, reader)); });
}

void read_shares(Table& table, MachineReader& reader) {
  std::vector<Share>& shares = reader.machine.config.shares;
  each_table(table, "share", [&](Table& entry) {
    Share share = read_share(entry, reader);
    if (share.tag.empty()) share.tag = fmt::format("share{}", shares.size());
    shares.push_back(std::move(share));
  });
}

void read_injections(Table& table, MachineReader& reader) {
  each_table(table, "inject", [&](Table& injection) {
    reader.machine.config.injections.push_back(read_injection(injection, reader));
  });
}

}  // namespace vmfleet::spec
