// SPDX-License-Identifier: MIT
// Image to JSON and back.
#include <image/image_file.hpp>

#include <vmfleet/base/json.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::image {
namespace {

constexpr std::string_view kSchema = "vmfleet.image/1";

std::int64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? -1 : static_cast<std::int64_t>(size);
}

json::Value packages_to_json(const Image& image) {
  json::Array packages;
  for (const auto& [name, version] : image.packages) {
    packages.emplace_back(json::Object{{"name", name}, {"version", version}});
  }
  return packages;
}

/// It says nothing of the file.
bool is_want_of_descriptors(const Error& error) {
  return error.code() == std::errc::too_many_files_open ||
         error.code() == std::errc::too_many_files_open_in_system;
}

Image from_json(const json::Value& document, const std::filesystem::path& directory) {
  Image image;
  image.directory = directory;
  image.kernel = directory / kKernelFile;
  image.initrd = directory / kInitrdFile;
  image.name = document.text("name");
  image.arch = document.text("arch");
  image.kernel_version = document.text("kernel_version");
  image.append = document.text("append");
  image.append_emulated = document.text("append_emulated");
  image.append_one_emulated_cpu = document.text("append_one_emulated_cpu");
  image.memory = Bytes(static_cast<std::uint64_t>(document.integer("memory", 0)));
  image.ready_marker = document.text("ready_marker");
  image.has_sshd = document.flag("sshd", false);
  image.has_agent = document.flag("agent", false);
  image.created = document.text("created");
  image.recipe = document.text("recipe");
  image.hash = document.text("hash");
  if (const json::Array* packages = document["packages"].as_array()) {
    for (const json::Value& package : *packages) {
      image.packages.emplace_back(package.text("name"), package.text("version"));
    }
  }
  return image;
}

}  // namespace

void save_image(const Image& image) {
  const json::Value document = json::Object{
      {"schema", kSchema},
      {"name", image.name},
      {"arch", image.arch},
      {"kernel_version", image.kernel_version},
      {"append", image.append},
      {"append_emulated", image.append_emulated},
      {"append_one_emulated_cpu", image.append_one_emulated_cpu},
      {"memory", image.memory.count()},
      {"ready_marker", image.ready_marker},
      {"sshd", image.has_sshd},
      {"agent", image.has_agent},
      {"created", image.created},
      {"recipe", image.recipe},
      {"hash", image.hash},
      {"kernel_size", size_of(image.kernel)},
      {"initrd_size", size_of(image.initrd)},
      {"packages", packages_to_json(image)},
  };
  files::write_atomically(image.directory / kImageFile, json::write(document, 2) + "\n");
}

std::optional<Image> load_image(const std::filesystem::path& directory) {
  try {
    const auto document = json::parse(files::read(directory / kImageFile));
    if (!document || document->text("schema") != kSchema) return std::nullopt;
    Image image = from_json(*document, directory);
    const bool whole = !image.name.empty() &&
                       size_of(image.kernel) == document->integer("kernel_size", -1) &&
                       size_of(image.initrd) == document->integer("initrd_size", -1);
    return whole && size_of(image.kernel) > 0 ? std::optional(std::move(image)) : std::nullopt;
  } catch (const Error& error) {
    if (is_want_of_descriptors(error)) throw;
    return std::nullopt;  // unreadable is the same as absent: it can be built again
  }
}

}  // namespace vmfleet::image

namespace vmfleet {

std::string Image::append_for(unsigned cpus, bool emulated, bool hpet) const {
  std::string arguments = append;
  if (emulated && !append_emulated.empty()) arguments += " " + append_emulated;
  if (emulated && hpet && cpus == 1 && !append_one_emulated_cpu.empty()) {
    arguments += " " + append_one_emulated_cpu;
  }
  return arguments;
}

}  // namespace vmfleet
