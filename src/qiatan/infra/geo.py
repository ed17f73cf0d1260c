"""Where an address is: country, province, city. Looked up on this machine; no address is told to anybody.

The data is that of ip2region. A release of it comes with the program (IPv4); the operator may put newer ones, IPv6 too, into the
data directory. Where it knows no country, the registries' own lists do (`iptocc`), which cover IPv6 as well.

Releases differ in their words: 吉林 and 吉林省, 苏州 and 苏州市, 大理 and 大理白族自治州. What is stored must outlive them, so names inside China
are brought to one form here. Hong Kong, Macao and Taiwan are provinces of CN, as the data has them, also where a registry says HK, MO, TW.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from ipaddress import ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

import structlog
from ip2region import util as xdb
from iptocc import country_code

import qiatan

log = structlog.get_logger(__name__)

FILES = {4: "ip2region_v4.xdb", 6: "ip2region_v6.xdb"}

_POINTERS = struct.Struct("<II")
_PLACE = struct.Struct("<HI")
_MAPPED = bytes(10) + b"\xff\xff"
_NAMELESS = frozenset({"", "0", "Reserved", "reserved", "内网IP", "未知"})

# ISO 3166-1 alpha-2 with the names shown in Chinese; XK is what everybody uses for Kosovo.
_COUNTRIES = (
    "AD安道尔 AE阿联酋 AF阿富汗 AG安提瓜和巴布达 AI安圭拉 AL阿尔巴尼亚 AM亚美尼亚 AO安哥拉 AQ南极洲 AR阿根廷 AS美属萨摩亚 "
    "AT奥地利 AU澳大利亚 AW阿鲁巴 AX奥兰群岛 AZ阿塞拜疆 BA波黑 BB巴巴多斯 BD孟加拉 BE比利时 BF布基纳法索 BG保加利亚 BH巴林 "
    "BI布隆迪 BJ贝宁 BL圣巴泰勒米 BM百慕大 BN文莱 BO玻利维亚 BQ荷兰加勒比区 BR巴西 BS巴哈马 BT不丹 BV布韦岛 BW博茨瓦纳 "
    "BY白俄罗斯 BZ伯利兹 CA加拿大 CC科科斯群岛 CD刚果金 CF中非 CG刚果布 CH瑞士 CI科特迪瓦 CK库克群岛 CL智利 CM喀麦隆 CN中国 "
    "CO哥伦比亚 CR哥斯达黎加 CU古巴 CV佛得角 CW库拉索 CX圣诞岛 CY塞浦路斯 CZ捷克 DE德国 DJ吉布提 DK丹麦 DM多米尼克 "
    "DO多米尼加 DZ阿尔及利亚 EC厄瓜多尔 EE爱沙尼亚 EG埃及 EH西撒哈拉 ER厄立特里亚 ES西班牙 ET埃塞俄比亚 FI芬兰 FJ斐济 "
    "FK福克兰群岛 FM密克罗尼西亚 FO法罗群岛 FR法国 GA加蓬 GB英国 GD格林纳达 GE格鲁吉亚 GF法属圭亚那 GG根西岛 GH加纳 "
    "GI直布罗陀 GL格陵兰 GM冈比亚 GN几内亚 GP瓜德罗普 GQ赤道几内亚 GR希腊 GS南乔治亚岛和南桑威奇群岛 GT危地马拉 GU关岛 "
    "GW几内亚比绍 GY圭亚那 HM赫德岛和麦克唐纳群岛 HN洪都拉斯 HR克罗地亚 HT海地 HU匈牙利 ID印度尼西亚 IE爱尔兰 IL以色列 "
    "IM马恩岛 IN印度 IO英属印度洋领地 IQ伊拉克 IR伊朗 IS冰岛 IT意大利 JE泽西岛 JM牙买加 JO约旦 JP日本 KE肯尼亚 "
    "KG吉尔吉斯斯坦 KH柬埔寨 KI基里巴斯 KM科摩罗 KN圣基茨和尼维斯 KP朝鲜 KR韩国 KW科威特 KY开曼群岛 KZ哈萨克斯坦 LA老挝 "
    "LB黎巴嫩 LC圣卢西亚 LI列支敦士登 LK斯里兰卡 LR利比里亚 LS莱索托 LT立陶宛 LU卢森堡 LV拉脱维亚 LY利比亚 MA摩洛哥 "
    "MC摩纳哥 MD摩尔多瓦 ME黑山 MF法属圣马丁 MG马达加斯加 MH马绍尔群岛 MK北马其顿 ML马里 MM缅甸 MN蒙古 MP北马里亚纳群岛 "
    "MQ马提尼克 MR毛里塔尼亚 MS蒙塞拉特岛 MT马耳他 MU毛里求斯 MV马尔代夫 MW马拉维 MX墨西哥 MY马来西亚 MZ莫桑比克 NA纳米比亚 "
    "NC新喀里多尼亚 NE尼日尔 NF诺福克岛 NG尼日利亚 NI尼加拉瓜 NL荷兰 NO挪威 NP尼泊尔 NR瑙鲁 NU纽埃 NZ新西兰 OM阿曼 PA巴拿马 "
    "PE秘鲁 PF法属波利尼西亚 PG巴布亚新几内亚 PH菲律宾 PK巴基斯坦 PL波兰 PM圣皮埃尔和密克隆群岛 PN皮特凯恩群岛 PR波多黎各 "
    "PS巴勒斯坦 PT葡萄牙 PW帕劳 PY巴拉圭 QA卡塔尔 RE留尼旺 RO罗马尼亚 RS塞尔维亚 RU俄罗斯 RW卢旺达 SA沙特阿拉伯 "
    "SB所罗门群岛 SC塞舌尔 SD苏丹 SE瑞典 SG新加坡 SH圣赫勒拿 SI斯洛文尼亚 SJ斯瓦尔巴和扬马延 SK斯洛伐克 SL塞拉利昂 "
    "SM圣马力诺 SN塞内加尔 SO索马里 SR苏里南 SS南苏丹 ST圣多美和普林西比 SV萨尔瓦多 SX荷属圣马丁 SY叙利亚 SZ斯威士兰 "
    "TC特克斯和凯科斯群岛 TD乍得 TF法国南部领地 TG多哥 TH泰国 TJ塔吉克斯坦 TK托克劳群岛 TL东帝汶 TM土库曼斯坦 TN突尼斯 "
    "TO汤加 TR土耳其 TT特立尼达和多巴哥 TV图瓦卢 TZ坦桑尼亚 UA乌克兰 UG乌干达 UM美国本土外小岛屿 US美国 UY乌拉圭 "
    "UZ乌兹别克斯坦 VA梵蒂冈 VC圣文森特和格林纳丁斯 VE委内瑞拉 VG英属维尔京群岛 VI美属维尔京群岛 VN越南 VU瓦努阿图 "
    "WF瓦利斯和富图纳群岛 WS萨摩亚 XK科索沃 YE也门 YT马约特 ZA南非 ZM赞比亚 ZW津巴布韦"
)
NAMES = {entry[:2]: entry[2:] for entry in _COUNTRIES.split()}
_CODES = {name: code for code, name in NAMES.items()} | {
    "马其顿": "MK",
    "阿森松岛": "SH",
    "圣马丁": "MF",
    "孟加拉国": "BD",
    "捷克共和国": "CZ",
}

_ABROAD = {"HK": "香港", "MO": "澳门", "TW": "台湾省"}
_PROVINCE_NAMES = (
    "北京 天津 上海 重庆 河北省 山西省 辽宁省 吉林省 黑龙江省 江苏省 浙江省 安徽省 福建省 江西省 山东省 河南省 湖北省 湖南省 广东省 海南省 四川省 "
    "贵州省 云南省 陕西省 甘肃省 青海省 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 台湾省"
)
# No two begin with the same two characters, in any form of their names.
_PROVINCES = {name[:2]: name for name in _PROVINCE_NAMES.split()}
_PREFECTURE = re.compile(r"(?:(?:藏|羌|彝|白|傣|景颇|傈僳|哈尼|壮|苗|土家|布依|侗|回|蒙古|哈萨克|柯尔克孜|朝鲜)族?)+自治州$|地区$")
_SHORT_CITIES = (
    "北京 天津 上海 重庆 长春 蚌埠 临汾 汕头 桂林 淮安 苏州 廊坊 石家庄 南阳 郑州 襄阳 毕节 铜仁 大连 朝阳 本溪 沈阳 盘锦 吐鲁番 哈密 山南 日喀则 "
    "昌都 林芝 那曲 海东 儋州 济源"
)
_CITIES = {name: f"{name}市" for name in _SHORT_CITIES.split()} | {
    "甘南市": "甘南",
    "临夏市": "临夏",
    "锡林郭勒": "锡林郭勒盟",
    "阿拉善": "阿拉善盟",
    "兴安": "兴安盟",
}


# The registries of special-purpose addresses (IANA), as far as no packet of the public network comes from there, and multicast; in order, none inside another.
_NOT_PUBLIC_4 = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/29 192.0.0.170/31 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 "
    "198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
)
_NOT_PUBLIC_6 = "::/128 ::1/128 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8"


def _borders(networks: str) -> list[bytes]:
    """First addresses of the networks and those after their last, in turn: an address with an odd number of them at or before it lies inside one."""
    borders = []
    for network in map(ip_network, networks.split()):
        first = network.network_address.packed
        after = int(network.broadcast_address) + 1
        # The last network reaches the end of all addresses: what is longer than every address stands after them.
        borders += [first, after.to_bytes(len(first), "big") if after < 1 << 8 * len(first) else b"\xff" * (len(first) + 1)]
    return borders


_BORDERS_4 = _borders(_NOT_PUBLIC_4)
_BORDERS_6 = _borders(_NOT_PUBLIC_6)


@dataclass(frozen=True, slots=True)
class Region:
    """A place, as far as it is known; each part is empty where it is not."""

    country: str  # ISO 3166-1 alpha-2
    province: str
    city: str

    @property
    def known(self) -> bool:
        return self.country != ""

    @property
    def code(self) -> str:
        """`CN/广东省/深圳市`; ends where knowledge does, and is empty for an unknown place."""
        return "/".join(part for part in (self.country, self.province, self.city) if part)


UNKNOWN = Region("", "", "")


class City(NamedTuple):
    code: str
    name: str


class Province(NamedTuple):
    code: str
    name: str
    cities: tuple[City, ...]


class Country(NamedTuple):
    code: str
    name: str
    provinces: tuple[Province, ...]


class Geo:
    """Regions of addresses, from files that are held in memory: 11 MB for the program's own. A lookup takes a few microseconds. Safe in threads."""

    def __init__(self, files: dict[int, _File], ignored: dict[str, str] | None = None) -> None:
        self._files = files
        self.ignored = ignored or {}
        """Files that should have been used, by path, and why they were not."""
        self._tree: tuple[Country, ...] | None = None

    @classmethod
    def load(cls, directory: Path | None) -> Geo:
        """As `read`, with a warning in the log for each file that is left out: regions are no reason to stay down."""
        geo = cls.read(directory)
        for path, reason in geo.ignored.items():
            log.warning("geo_file_ignored", path=path, reason=reason)
        return geo

    @classmethod
    def read(cls, directory: Path | None) -> Geo:
        """Open the operator's files in `directory`, and the program's own for what is not there.

        A file that is no such data is left out; `ignored` tells why.
        """
        files: dict[int, _File] = {}
        ignored: dict[str, str] = {}
        for version, name in FILES.items():
            own = directory / name if directory is not None else None
            for path in (own, _shipped() if version == 4 else None):
                if path is None or not path.is_file():
                    continue
                try:
                    files[version] = _File(path, version)
                    break
                except (OSError, ValueError) as error:
                    ignored[str(path)] = str(error)
        return cls(files, ignored)

    @property
    def data_version(self) -> str:
        """What is looked up, for people: `IPv4 2024-02-28, IPv6 2025-10-01, countries 3.3.170`."""
        own = [f"IPv{version} {file.made:%Y-%m-%d}" for version, file in sorted(self._files.items())]
        return ", ".join([*own, f"countries {metadata.version('iptocc')}"])

    def region_of(self, address: str) -> Region:
        """The place of `address`; `UNKNOWN` for private, reserved and unreadable ones. Never raises."""
        text = address.strip()
        packed = _packed(text)
        if packed.startswith(_MAPPED):
            packed = packed[len(_MAPPED) :]
            text = inet_ntop(AF_INET, packed)
        if len(packed) == 0 or bisect_right(_BORDERS_4 if len(packed) == 4 else _BORDERS_6, packed) % 2 == 1:
            return UNKNOWN
        file = self._files.get(4 if len(packed) == 4 else 6)
        found = UNKNOWN if file is None else file.find(packed)
        return found if found.known else _by_registry(country_code(text) or "")

    def tree(self) -> tuple[Country, ...]:
        """All places a region can name: China first, the others by name. The first call goes through the files: up to a second, so use a thread."""
        if self._tree is None:
            places: dict[str, dict[str, set[str]]] = {code: {} for code in NAMES}
            for region in (region for file in self._files.values() for region in file.regions()):
                cities = places.setdefault(region.country, {}).setdefault(region.province, set())
                cities.add(region.city)
            self._tree = tuple(_country(code, places[code]) for code in sorted(places, key=_country_order) if code)
        return self._tree


class _File:
    """One file of regions, for IPv4 or IPv6.

    It is read, not mapped: an operator who copies a new one over it while it is open must not end the program. The search is ours, because the
    library's own takes four times as long; the tests compare the two.
    """

    def __init__(self, path: Path, version: int) -> None:
        """Read it.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not the data its name promises, or not all of it.
        """
        content = path.read_bytes()
        if len(content) < xdb.HeaderInfoLength + xdb.VectorIndexLength:
            raise ValueError("too short for region data")
        header = xdb.Header(content[: xdb.HeaderInfoLength])
        kind = xdb.version_from_header(header)
        if header.version not in {xdb.XdbStructure20, xdb.XdbStructure30} or kind is None:
            raise ValueError("not a file of region data this program can read")
        if kind.id != version:
            raise ValueError(f"holds {kind.name}, expected IPv{version}")
        self._start, self._end = header.startIndexPtr, header.endIndexPtr + kind.index_size
        if (
            not xdb.HeaderInfoLength + xdb.VectorIndexLength <= self._start < self._end <= len(content)
            or (self._end - self._start) % kind.index_size
        ):
            raise ValueError("incomplete; copy it again")
        self._content = content
        self._width, self._row = kind.byte_num, kind.index_size
        # Addresses of IPv4 stand with their last byte first, those of IPv6 as they are written.
        self._address: Callable[[int], bytes] = (
            (lambda at: content[at : at + 4][::-1]) if version == 4 else (lambda at: content[at : at + 16])
        )
        self._with_area = header.version == xdb.XdbStructure20
        self._known: dict[bytes, Region] = {}
        self.made = datetime.fromtimestamp(header.createdAt, UTC)

    def find(self, packed: bytes) -> Region:
        """The region of an address of this file's kind. A file with wrong pointers inside gives wrong answers, never an error."""
        place = xdb.HeaderInfoLength + (packed[0] * xdb.VectorIndexCols + packed[1]) * xdb.VectorIndexSize
        first, last = _POINTERS.unpack_from(self._content, place)
        rows = range(first, last + 1, self._row)
        at = bisect_right(rows, packed, key=self._address) - 1
        if at < 0 or self._address(rows[at] + self._width) < packed:
            return UNKNOWN
        pointer = self._content[rows[at] + 2 * self._width : rows[at] + self._row]
        return self._place(pointer) if len(pointer) == _PLACE.size else UNKNOWN

    def regions(self) -> set[Region]:
        """Every region in the file."""
        pointers = {self._content[at : at + _PLACE.size] for at in range(self._start + 2 * self._width, self._end, self._row)}
        return {self._place(pointer) for pointer in pointers}

    def _place(self, pointer: bytes) -> Region:
        region = self._known.get(pointer)
        if region is None:
            length, position = _PLACE.unpack(pointer)
            region = _region(self._content[position : position + length].decode("utf-8", "replace"), with_area=self._with_area)
            self._known[pointer] = region
        return region


def _packed(text: str) -> bytes:
    """The bytes of an address, none for what is no address."""
    try:
        return inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return b""


def _shipped() -> Path:
    """The release that the build takes from the npm package `ip2region-ts`; absent where nothing was built."""
    return Path(qiatan.__file__).parent / "pages" / "geo" / "ip2region.xdb"


@cache
def _by_registry(code: str) -> Region:
    return Region("CN", _ABROAD[code], "") if code in _ABROAD else Region(code, "", "")


def _region(line: str, *, with_area: bool) -> Region:
    """The place in a line: `country|area|province|city|network` of the old files, `country|province|city|network|code` of the new."""
    fields = ["" if field in _NAMELESS else field for field in (*line.split("|"), "", "", "", "", "")[:5]]
    country, province, city = (fields[0], fields[2], fields[3]) if with_area else (fields[0], fields[1], fields[2])
    iso = "" if with_area else fields[4]
    if iso in _ABROAD:
        country, province, city = "中国", _ABROAD[iso], city if country == "中国" else ""
    code = "CN" if country == "中国" else iso if re.fullmatch("[A-Z]{2}", iso) else _CODES.get(country, "")
    if code == "":
        return UNKNOWN
    if code == "CN":
        province, city = _province(province), _city(city)
    # A slash separates the parts of a region's code.
    province, city = province.replace("/", "、"), city.replace("/", "、")
    return Region(code, province, "" if province in {"", city} else city)


def _province(name: str) -> str:
    return _PROVINCES.get(name[:2], name)


def _city(name: str) -> str:
    short = _PREFECTURE.sub("", name)
    return _CITIES.get(short, short)


def _country(code: str, provinces: dict[str, set[str]]) -> Country:
    return Country(
        code,
        NAMES.get(code, code),
        tuple(
            Province(
                Region(code, province, "").code,
                province,
                tuple(City(Region(code, province, city).code, city) for city in sorted(provinces[province]) if city),
            )
            for province in sorted(provinces)
            if province
        ),
    )


def _country_order(code: str) -> tuple[bool, str]:
    return code != "CN", NAMES.get(code, code)
