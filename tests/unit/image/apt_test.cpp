// SPDX-License-Identifier: MIT
#include <image/apt.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using Names = std::vector<std::string>;

TEST_CASE("the kernel packages are the numbered ones") {
  const auto* output =
      "linux-image-amd64\n"
      "  Depends: linux-image-6.1.0-56-amd64\n"
      "linux-image-6.1.0-56-amd64\n"
      "linux-image-unsigned-6.8.0-1-generic\n"
      "linux-image-6.1.0-56-amd64-unsigned\n"
      "linux-modules-6.8.0-1-generic\n"
      "linux-modules-extra-6.8.0-1-generic\n"
      "<linux-initramfs-tool>\n"
      "kmod\n";
  REQUIRE(kernel_packages(output) ==
          Names{"linux-image-6.1.0-56-amd64", "linux-modules-6.8.0-1-generic"});
  REQUIRE(kernel_packages("").empty());
}

TEST_CASE("the library packages are told by their names") {
  const auto* output =
      "dropbear-bin\n"
      "  Depends: libc6\n"
      "    libc6-i386\n"
      "libc6\n"
      "zlib1g\n"
      "libperl5.36\n"
      "perl-base\n"
      "<libvirtual>\n"
      "libtomcrypt1\n";
  REQUIRE(library_packages(output) == Names{"libc6", "zlib1g", "libtomcrypt1"});
}

TEST_CASE("a private configuration keeps the host's settings, but for its state and its scripts") {
  const auto* dump =
      "APT \"\";\n"
      "APT::Architecture \"amd64\";\n"
      "APT::Architectures:: \"i386\";\n"
      "APT::Update::Post-Invoke:: \"touch /host\";\n"
      "DPkg::Post-Invoke:: \"touch /host\";\n"
      "Acquire::http::Proxy \"http://proxy.example.com:3128\";\n"
      "Dir \"/\";\n"
      "Dir::State \"var/lib/apt\";\n"
      "Dir::State::lists \"lists/\";\n"
      "Dir::Cache \"var/cache/apt\";\n"
      "Dir::Etc \"etc/apt\";\n"
      "Dir::Etc::parts \"apt.conf.d\";\n";
  const std::string text = private_apt_configuration(dump, "/folder", "arm64");
  REQUIRE_THAT(text, ContainsSubstring("Acquire::http::Proxy \"http://proxy.example.com:3128\";"));
  REQUIRE_THAT(text, ContainsSubstring("Dir::Etc \"etc/apt\";"));
  REQUIRE_THAT(text, ContainsSubstring("Dir::State \"/folder/state/\";"));
  REQUIRE_THAT(text, ContainsSubstring("Dir::Cache \"/folder/cache/\";"));
  REQUIRE_THAT(text, ContainsSubstring("APT::Architecture \"arm64\";"));
  for (const auto* gone :
       {"/host", "var/lib/apt", "var/cache/apt", "apt.conf.d", "amd64", "i386"}) {
    CAPTURE(gone);
    REQUIRE(text.find(gone) == std::string::npos);
  }
}
