// SPDX-License-Identifier: MIT
// vmfleet image: the guests in the cache.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/image/image_store.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/table.hpp"

namespace vmfleet::cli {

namespace {

json::Value to_json(const Image& image) {
  json::Object object;
  object.set("name", image.name);
  object.set("arch", image.arch);
  object.set("kernel_version", image.kernel_version);
  object.set("dir", image.directory.string());
  object.set("kernel", image.kernel.string());
  object.set("initrd", image.initrd.string());
  object.set("append", image.append);
  object.set("memory", static_cast<std::int64_t>(image.memory.count()));
  object.set("ready_marker", image.ready_marker);
  object.set("created", image.created);
  object.set("hash", image.hash);
  return object;
}

void answer(const Context& context, std::string_view schema, const std::vector<Image>& images) {
  if (context.globals.json) {
    json::Array array;
    for (const auto& image : images) array.push_back(to_json(image));
    json::Object document;
    document.set("schema", schema);
    document.set("images", std::move(array));
    context.answer(std::move(document));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& image : images) {
    auto& row = rows.emplace_back();
    row.push_back(image.name);
    row.push_back(image.arch);
    row.push_back(image.kernel_version);
    row.push_back(image.created);
    row.push_back(image.directory.string());
  }
  context.out.write(format_table({"NAME", "ARCH", "KERNEL", "CREATED", "DIRECTORY"}, rows));
}

Task<int> list_images(Context& context) {
  const auto images = ImageStore().list();
  if (images.empty() && !context.globals.json) {
    context.say("no images yet; vmfleet image build tiny makes the default one");
    co_return kDone;
  }
  answer(context, "vmfleet.image-ls/1", images);
  co_return kDone;
}

struct BuildArguments {
  BuildArguments() = default;
  std::string name = "tiny";
  std::string arch;
  ImageSource source = ImageSource::automatic;
  std::optional<Milliseconds> timeout;
};

/// A build always builds: what it came to is not seen from the outside.
void tell_outcome(const Context& context, const std::vector<Image>& before, const Image& image) {
  const auto is_built = [&](const Image& other) { return other.directory == image.directory; };
  const auto is_older = [&](const Image& other) {
    return other.name == image.name && other.arch == image.arch;
  };
  if (std::any_of(before.begin(), before.end(), is_built)) {
    context.say(fmt::format("vmfleet: built again, and {} is the same as before", image.name));
  } else if (std::any_of(before.begin(), before.end(), is_older)) {
    context.say(fmt::format("vmfleet: this {} is a new one: machines get it when they are started",
                            image.name));
  }
}

Task<int> build_image(Context& context, const BuildArguments& arguments) {
  context.cleans_up = true;
  BuildOptions options;
  if (!arguments.arch.empty()) options.arch = to_string(parse_arch(arguments.arch).value());
  options.source = arguments.source;
  if (arguments.timeout) options.timeout = *arguments.timeout;
  const auto progress = make_progress(context);
  Loop& loop = co_await current_loop();
  const TimePoint started = loop.now();
  const BuildProgress tell = [&](std::string_view step) {
    ProgressEvent event;
    event.detail = "image " + arguments.name + ": " + std::string(step);
    event.elapsed = std::chrono::duration_cast<Milliseconds>(loop.now() - started);
    progress->tell(event);
  };
  ImageStore store;
  const std::vector<Image> before = store.list();
  std::vector<Image> built;
  built.push_back(co_await show_progress(*progress, store.build(arguments.name, options, tell)));
  answer(context, "vmfleet.image-build/1", built);
  tell_outcome(context, before, built.front());
  co_return kDone;
}

}  // namespace

void add_image(Program& program) {
  CLI::App& image = program.command(group::kHost, "image", "guests to boot");
  auto arguments = std::make_shared<BuildArguments>();
  CLI::App& build = program.command_below(image, "build", "build an image, without root");
  add_positional(build, "NAME", arguments->name, Presence::optional, "which one: tiny");
  add_text(build, "--arch", "ARCH", arguments->arch, "x86_64 or aarch64; this host's by default");
  const auto source = [](const std::string& word) {
    return choose<ImageSource>(word, {{"auto", ImageSource::automatic},
                                      {"packages", ImageSource::packages},
                                      {"host", ImageSource::host}});
  };
  add_parsed(build, "--from", "SOURCE", arguments->source, source,
             "auto, packages (downloaded with apt) or host (this host's kernel and programs)");
  add_duration(build, "--timeout", arguments->timeout, "how long it may take (15m)");
  program.runs(build, [arguments](Context& context) { return build_image(context, *arguments); });
  CLI::App& list = program.command_below(image, "ls", "list the images that are there");
  program.runs(list, [](Context& context) { return list_images(context); });
  add_image_removal(program, image);
}

}  // namespace vmfleet::cli
