// SPDX-License-Identifier: MIT
// Reading QEMU's command line: plain words, key=value lists with doubled commas, and JSON.
#include "testkit/fake_qemu/options.hpp"

#include <charconv>
#include <map>
#include <set>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>

namespace vmfleet::testkit {
namespace {

struct KeyedValue {
  std::string key;
  std::string value;
};

// "socket,id=a,path=b,,c": the head has no key; a doubled comma stands for one.
std::vector<KeyedValue> parse_keyed(std::string_view text) {
  std::vector<KeyedValue> values;
  std::string item;
  const auto finish = [&] {
    const auto equals = item.find('=');
    values.push_back(equals == std::string::npos
                         ? KeyedValue{"", item}
                         : KeyedValue{item.substr(0, equals), item.substr(equals + 1)});
    item.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',') {
      item += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == ',') {
      item += text[i++];
    } else {
      finish();
    }
  }
  finish();
  return values;
}

std::string value_of(const std::vector<KeyedValue>& values, std::string_view key) {
  for (const auto& [name, value] : values) {
    if (name == key) return value;
  }
  return "";
}

Chardev parse_chardev(std::string_view text) {
  const auto values = parse_keyed(text);
  Chardev chardev;
  chardev.kind = values[0].value;
  chardev.id = value_of(values, "id");
  chardev.path = value_of(values, "path");
  chardev.input_path = value_of(values, "input-path");
  const std::string fd = value_of(values, "fd");
  std::from_chars(fd.data(), fd.data() + fd.size(), chardev.fd);
  return chardev;
}

void add_netdev(Options& options, const std::string& text) {
  if (text.front() != '{') {
    const auto values = parse_keyed(text);
    for (const auto& [key, value] : values) {
      if (key == "hostfwd") options.forwards.push_back({value_of(values, "id"), value});
    }
    return;
  }
  const json::Value netdev = json::parse(text).value();
  const auto* rules = netdev["hostfwd"].as_array();
  if (rules == nullptr) return;
  for (const json::Value& rule : *rules) {
    options.forwards.push_back({std::string(netdev.text("id")), std::string(rule.text("str"))});
  }
}

void add_device(Options& options, const std::string& text) {
  const std::string driver = text.front() == '{'
                                 ? std::string(json::parse(text).value().text("driver"))
                                 : parse_keyed(text)[0].value;
  options.pvpanic |= driver == "pvpanic" || driver == "pvpanic-pci";
  options.debug_exit |= driver == "isa-debug-exit";
}

// "-qmp unix:PATH,server=on,wait=off" is a chardev and its monitor in one.
void add_qmp(Options& options, const std::string& text) {
  Chardev chardev;
  chardev.id = "compat_monitor" + std::to_string(options.monitors.size());
  chardev.kind = text == "stdio" ? "stdio" : "socket";
  if (text != "stdio") chardev.path = parse_keyed(text.substr(text.find(':') + 1))[0].value;
  options.monitors.push_back({chardev.id, true});
  options.chardevs.push_back(std::move(chardev));
}

void add_option(Options& options, const std::string& option, const std::string& value) {
  const auto values = parse_keyed(value);
  if (option == "-name") {
    options.name = value_of(values, "guest").empty() ? values[0].value : value_of(values, "guest");
  } else if (option == "-action") {
    options.reset_ends |= value_of(values, "reboot") == "shutdown";
    if (!value_of(values, "panic").empty()) options.on_panic = value_of(values, "panic");
  } else if (option == "-chardev") {
    options.chardevs.push_back(parse_chardev(value));
  } else if (option == "-mon") {
    options.monitors.push_back(
        {value_of(values, "chardev"), value_of(values, "mode") == "control"});
  } else if (option == "-qmp") {
    add_qmp(options, value);
  } else if (option == "-netdev") {
    add_netdev(options, value);
  } else if (option == "-device") {
    add_device(options, value);
  } else if (option == "-serial" && value.rfind("chardev:", 0) == 0) {
    options.serial_chardev = value.substr(8);
  }
}

}  // namespace

const Chardev* Options::chardev(std::string_view id) const {
  for (const Chardev& chardev : chardevs) {
    if (chardev.id == id) return &chardev;
  }
  return nullptr;
}

Options parse_options(const std::vector<std::string>& argv) {
  static const std::set<std::string_view> kFlags = {
      "-S",       "-nodefaults", "-no-user-config", "-no-reboot", "-no-shutdown",
      "-version", "-nographic",  "-enable-kvm",     "-daemonize", "-no-hpet"};
  Options options;
  options.program = argv.at(0);
  const std::map<std::string_view, std::string*> words = {{"-uuid", &options.uuid},
                                                          {"-kernel", &options.kernel},
                                                          {"-append", &options.append},
                                                          {"-pidfile", &options.pid_file}};
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string option = argv[i].rfind("--", 0) == 0 ? argv[i].substr(1) : argv[i];
    options.paused |= option == "-S";
    options.reset_ends |= option == "-no-reboot";
    options.version |= option == "-version";
    if (kFlags.count(option) != 0) continue;
    if (option.empty() || option[0] != '-') continue;  // a disk image
    if (++i == argv.size() || argv[i].empty()) {
      throw Error(ErrorKind::invalid_config, option + ": requires an argument");
    }
    const auto word = words.find(option);
    if (word != words.end()) {
      *word->second = argv[i];
    } else {
      add_option(options, option, argv[i]);
    }
  }
  return options;
}

}  // namespace vmfleet::testkit
