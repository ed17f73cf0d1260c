import type { Places } from '../places'

/** What the data of the regions names in Chinese: the cities of China, and provinces and cities of other countries. The provinces of China stand in their order in ui/regions. */
export default {
  CN: `
    上海市 Shanghai; 临沧市 Lincang; 丽江市 Lijiang; 保山市 Baoshan; 大理 Dali; 德宏 Dehong; 怒江 Nujiang; 文山 Wenshan; 昆明市 Kunming;
    昭通市 Zhaotong; 普洱市 Pu'er; 曲靖市 Qujing; 楚雄 Chuxiong; 玉溪市 Yuxi; 红河 Honghe; 西双版纳 Xishuangbanna; 迪庆 Diqing; 乌兰察布市 Ulanqab;
    乌海市 Wuhai; 兴安盟 Hinggan League; 包头市 Baotou; 呼伦贝尔市 Hulunbuir; 呼和浩特市 Hohhot; 巴彦淖尔市 Bayannur; 赤峰市 Chifeng;
    通辽市 Tongliao; 鄂尔多斯市 Ordos; 锡林郭勒盟 Xilingol League; 阿拉善盟 Alxa League; 北京市 Beijing; 云林县 Yunlin; 南投县 Nantou;
    台东县 Taitung; 台中 Taichung; 台北 Taipei; 台南 Tainan; 嘉义县 Chiayi County; 嘉义市 Chiayi; 基隆 Keelung; 宜兰县 Yilan; 屏东县 Pingtung;
    彰化县 Changhua; 新北 New Taipei; 新竹县 Hsinchu County; 新竹市 Hsinchu; 桃园 Taoyuan; 澎湖县 Penghu; 花莲县 Hualien; 苗栗县 Miaoli;
    金门县 Kinmen; 高雄 Kaohsiung; 吉林市 Jilin City; 四平市 Siping; 延边 Yanbian; 松原市 Songyuan; 白城市 Baicheng; 白山市 Baishan; 辽源市 Liaoyuan;
    通化市 Tonghua; 长春市 Changchun; 乐山市 Leshan; 内江市 Neijiang; 凉山 Liangshan; 南充市 Nanchong; 宜宾市 Yibin; 巴中市 Bazhong;
    广元市 Guangyuan; 广安市 Guang'an; 德阳市 Deyang; 成都市 Chengdu; 攀枝花市 Panzhihua; 泸州市 Luzhou; 甘孜 Garzê; 眉山市 Meishan; 绵阳市 Mianyang;
    自贡市 Zigong; 资阳市 Ziyang; 达州市 Dazhou; 遂宁市 Suining; 阿坝 Ngawa; 雅安市 Ya'an; 天津市 Tianjin; 中卫市 Zhongwei; 吴忠市 Wuzhong;
    固原市 Guyuan; 石嘴山市 Shizuishan; 银川市 Yinchuan; 亳州市 Bozhou; 六安市 Lu'an; 合肥市 Hefei; 安庆市 Anqing; 宣城市 Xuancheng; 宿州市 Suzhou;
    池州市 Chizhou; 淮北市 Huaibei; 淮南市 Huainan; 滁州市 Chuzhou; 芜湖市 Wuhu; 蚌埠市 Bengbu; 铜陵市 Tongling; 阜阳市 Fuyang; 马鞍山市 Ma'anshan;
    黄山市 Huangshan; 东营市 Dongying; 临沂市 Linyi; 威海市 Weihai; 德州市 Dezhou; 日照市 Rizhao; 枣庄市 Zaozhuang; 泰安市 Tai'an; 济南市 Jinan;
    济宁市 Jining; 淄博市 Zibo; 滨州市 Binzhou; 潍坊市 Weifang; 烟台市 Yantai; 聊城市 Liaocheng; 莱芜市 Laiwu; 菏泽市 Heze; 青岛市 Qingdao;
    临汾市 Linfen; 吕梁市 Lüliang; 大同市 Datong; 太原市 Taiyuan; 忻州市 Xinzhou; 晋中市 Jinzhong; 晋城市 Jincheng; 朔州市 Shuozhou; 运城市 Yuncheng;
    长治市 Changzhi; 阳泉市 Yangquan; 东莞市 Dongguan; 中山市 Zhongshan; 云浮市 Yunfu; 佛山市 Foshan; 广州市 Guangzhou; 惠州市 Huizhou;
    揭阳市 Jieyang; 梅州市 Meizhou; 汕头市 Shantou; 汕尾市 Shanwei; 江门市 Jiangmen; 河源市 Heyuan; 深圳市 Shenzhen; 清远市 Qingyuan;
    湛江市 Zhanjiang; 潮州市 Chaozhou; 珠海市 Zhuhai; 肇庆市 Zhaoqing; 茂名市 Maoming; 阳江市 Yangjiang; 韶关市 Shaoguan; 北海市 Beihai;
    南宁市 Nanning; 崇左市 Chongzuo; 来宾市 Laibin; 柳州市 Liuzhou; 桂林市 Guilin; 梧州市 Wuzhou; 河池市 Hechi; 玉林市 Yulin; 百色市 Baise;
    贵港市 Guigang; 贺州市 Hezhou; 钦州市 Qinzhou; 防城港市 Fangchenggang; 乌鲁木齐市 Ürümqi; 伊犁 Ili; 克孜勒苏 Kizilsu; 克拉玛依市 Karamay;
    博尔塔拉 Bortala; 吐鲁番市 Turpan; 和田 Hotan; 哈密市 Hami; 喀什 Kashgar; 塔城 Tacheng; 巴音郭楞 Bayingolin; 昌吉 Changji; 阿克苏 Aksu;
    阿勒泰 Altay; 南京市 Nanjing; 南通市 Nantong; 宿迁市 Suqian; 常州市 Changzhou; 徐州市 Xuzhou; 扬州市 Yangzhou; 无锡市 Wuxi; 泰州市 Taizhou;
    淮安市 Huai'an; 盐城市 Yancheng; 苏州市 Suzhou; 连云港市 Lianyungang; 镇江市 Zhenjiang; 上饶市 Shangrao; 九江市 Jiujiang; 南昌市 Nanchang;
    吉安市 Ji'an; 宜春市 Yichun; 抚州市 Fuzhou; 新余市 Xinyu; 景德镇市 Jingdezhen; 萍乡市 Pingxiang; 赣州市 Ganzhou; 鹰潭市 Yingtan; 保定市 Baoding;
    唐山市 Tangshan; 廊坊市 Langfang; 张家口市 Zhangjiakou; 承德市 Chengde; 沧州市 Cangzhou; 石家庄市 Shijiazhuang; 秦皇岛市 Qinhuangdao;
    衡水市 Hengshui; 邢台市 Xingtai; 邯郸市 Handan; 三门峡市 Sanmenxia; 信阳市 Xinyang; 南阳市 Nanyang; 周口市 Zhoukou; 商丘市 Shangqiu;
    安阳市 Anyang; 平顶山市 Pingdingshan; 开封市 Kaifeng; 新乡市 Xinxiang; 洛阳市 Luoyang; 济源市 Jiyuan; 漯河市 Luohe; 濮阳市 Puyang;
    焦作市 Jiaozuo; 许昌市 Xuchang; 郑州市 Zhengzhou; 驻马店市 Zhumadian; 鹤壁市 Hebi; 丽水市 Lishui; 台州市 Taizhou; 嘉兴市 Jiaxing; 宁波市 Ningbo;
    杭州市 Hangzhou; 温州市 Wenzhou; 湖州市 Huzhou; 绍兴市 Shaoxing; 舟山市 Zhoushan; 衢州市 Quzhou; 金华市 Jinhua; 三亚市 Sanya; 儋州市 Danzhou;
    海口市 Haikou; 十堰市 Shiyan; 咸宁市 Xianning; 孝感市 Xiaogan; 宜昌市 Yichang; 恩施 Enshi; 武汉市 Wuhan; 荆州市 Jingzhou; 荆门市 Jingmen;
    襄阳市 Xiangyang; 鄂州市 Ezhou; 随州市 Suizhou; 黄冈市 Huanggang; 黄石市 Huangshi; 娄底市 Loudi; 岳阳市 Yueyang; 常德市 Changde;
    张家界市 Zhangjiajie; 怀化市 Huaihua; 株洲市 Zhuzhou; 永州市 Yongzhou; 湘潭市 Xiangtan; 湘西 Xiangxi; 益阳市 Yiyang; 衡阳市 Hengyang;
    邵阳市 Shaoyang; 郴州市 Chenzhou; 长沙市 Changsha; 临夏 Linxia; 兰州市 Lanzhou; 嘉峪关市 Jiayuguan; 天水市 Tianshui; 定西市 Dingxi;
    平凉市 Pingliang; 庆阳市 Qingyang; 张掖市 Zhangye; 武威市 Wuwei; 甘南 Gannan; 白银市 Baiyin; 酒泉市 Jiuquan; 金昌市 Jinchang; 陇南市 Longnan;
    三明市 Sanming; 南平市 Nanping; 厦门市 Xiamen; 宁德市 Ningde; 泉州市 Quanzhou; 漳州市 Zhangzhou; 福州市 Fuzhou; 莆田市 Putian; 龙岩市 Longyan;
    山南市 Shannan; 拉萨市 Lhasa; 日喀则市 Shigatse; 昌都市 Qamdo; 林芝市 Nyingchi; 那曲市 Nagqu; 阿里 Ngari; 六盘水市 Liupanshui; 安顺市 Anshun;
    毕节市 Bijie; 贵阳市 Guiyang; 遵义市 Zunyi; 铜仁市 Tongren; 黔东南 Qiandongnan; 黔南 Qiannan; 黔西南 Qianxinan; 丹东市 Dandong; 大连市 Dalian;
    抚顺市 Fushun; 朝阳市 Chaoyang; 本溪市 Benxi; 沈阳市 Shenyang; 盘锦市 Panjin; 营口市 Yingkou; 葫芦岛市 Huludao; 辽阳市 Liaoyang; 铁岭市 Tieling;
    锦州市 Jinzhou; 阜新市 Fuxin; 鞍山市 Anshan; 重庆市 Chongqing; 咸阳市 Xianyang; 商洛市 Shangluo; 安康市 Ankang; 宝鸡市 Baoji; 延安市 Yan'an;
    榆林市 Yulin; 汉中市 Hanzhong; 渭南市 Weinan; 西安市 Xi'an; 铜川市 Tongchuan; 果洛 Golog; 海东市 Haidong; 海北 Haibei; 海南 Hainan; 海西 Haixi;
    玉树 Yushu; 西宁市 Xining; 黄南 Huangnan; 沙田 Sha Tin; 荃湾 Tsuen Wan; 七台河市 Qitaihe; 伊春市 Yichun; 佳木斯市 Jiamusi; 双鸭山市 Shuangyashan;
    哈尔滨市 Harbin; 大兴安岭 Daxing'anling; 大庆市 Daqing; 牡丹江市 Mudanjiang; 绥化市 Suihua; 鸡西市 Jixi; 鹤岗市 Hegang; 黑河市 Heihe;
    齐齐哈尔市 Qiqihar
  `,
  DK: `
    哥本哈根 Copenhagen
  `,
  IR: `
    伊斯法罕 Isfahan; 克尔曼 Kerman; 布什尔 Bushehr; 德黑兰 Tehran; 法尔斯 Fars
  `,
  RU: `
    克里米亚 Crimea; 列宁格勒 Leningrad; 北奥塞梯 North Ossetia; 泛贝加尔 Zabaykalsky; 犹太州 Jewish Autonomous Oblast; 莫斯科 Moscow;
    圣彼得堡 Saint Petersburg
  `,
  CA: `
    不列颠哥伦比亚 British Columbia; 努纳武特 Nunavut; 安大略 Ontario; 新不伦瑞克 New Brunswick; 新斯科舍 Nova Scotia; 曼尼托巴 Manitoba;
    爱德华王子岛 Prince Edward Island; 纽芬兰与拉布拉多 Newfoundland and Labrador; 育空 Yukon; 艾伯塔 Alberta; 萨斯喀彻温 Saskatchewan;
    西北地区 Northwest Territories; 魁北克 Quebec; 北温哥华 North Vancouver; 坎卢普斯 Kamloops; 基洛纳 Kelowna; 本那比 Burnaby; 温哥华 Vancouver;
    素里 Surrey; 维多利亚 Victoria; 伊卡卢伊特 Iqaluit; 伯灵顿 Burlington; 剑桥 Cambridge; 北湾 North Bay; 哈密尔顿 Hamilton;
    圣凯瑟琳斯 St. Catharines; 圭尔夫 Guelph; 基奇纳 Kitchener; 多伦多 Toronto; 奥克维尔 Oakville; 密西沙加 Mississauga; 巴里 Barrie;
    布兰普顿 Brampton; 布兰特福德 Brantford; 布罗克维尔 Brockville; 康沃尔 Cornwall; 彼得伯勒 Peterborough; 桑德贝 Thunder Bay; 渥太华 Ottawa;
    温莎 Windsor; 滑铁卢 Waterloo; 米尔顿 Milton; 纽马克特 Newmarket; 贝尔维尔 Belleville; 金斯敦 Kingston; 圣约翰 Saint John;
    弗雷德里克顿 Fredericton; 蒙古顿 Moncton; 哈利法克斯 Halifax; 安蒂戈尼什 Antigonish; 沃尔夫维尔 Wolfville; 温尼伯 Winnipeg;
    夏洛特敦 Charlottetown; 怀特霍斯 Whitehorse; 卡尔加里 Calgary; 埃德蒙顿 Edmonton; 阿萨巴斯卡 Athabasca; 麦克默里堡 Fort McMurray;
    萨斯卡通 Saskatoon; 里贾纳 Regina; 伊努维克 Inuvik; 耶洛奈夫 Yellowknife; 加蒂诺 Gatineau; 博阿努瓦 Beauharnois; 圣朗贝尔 Saint-Lambert;
    若列特 Joliette; 蒙特利尔 Montreal
  `,
  ZA: `
    开普敦 Cape Town; 约翰内斯堡 Johannesburg; 豪登 Gauteng
  `,
  QA: `
    多哈 Doha
  `,
  IN: `
    中央邦 Madhya Pradesh; 北方邦 Uttar Pradesh; 北阿坎德 Uttarakhand; 卡纳塔克 Karnataka; 古吉拉特 Gujarat; 哈里亚纳 Haryana; 喀拉拉 Kerala;
    喜马偕尔 Himachal Pradesh; 奥里萨 Odisha; 安德拉 Andhra Pradesh; 德里国家首都辖区 Delhi; 恰蒂斯加尔 Chhattisgarh; 拉贾斯坦 Rajasthan;
    旁遮普 Punjab; 昌迪加尔 Chandigarh; 曼尼普尔 Manipur; 本地治里 Puducherry; 果阿 Goa; 查谟和克什米尔 Jammu and Kashmir; 梅加拉亚 Meghalaya;
    比哈尔 Bihar; 泰米尔纳德 Tamil Nadu; 特伦甘地 Telangana; 特里普拉 Tripura; 米佐拉姆 Mizoram; 西孟加拉 West Bengal; 贾坎德 Jharkhand;
    达德拉纳加尔哈维利 Dadra and Nagar Haveli; 达曼和第乌 Daman and Diu; 那加兰 Nagaland; 锡金 Sikkim; 阿萨姆 Assam; 阿鲁纳恰尔 Arunachal Pradesh;
    马哈拉施特拉 Maharashtra; 博帕尔 Bhopal; 印多尔 Indore; 勒克瑙 Lucknow; 坎普尔 Kanpur; 密拉特 Meerut; 诺伊达 Noida; 台拉登 Dehradun;
    班加罗尔 Bengaluru; 迈索尔 Mysuru; 瓦多达拉 Vadodara; 甘地讷格尔 Gandhinagar; 苏拉特 Surat; 阿穆达巴 Ahmedabad; 古尔冈 Gurgaon;
    法里达巴德 Faridabad; 柯钦 Kochi; 蒂鲁文南特布勒姆 Thiruvananthapuram; 西姆拉 Shimla; 布巴内斯瓦尔 Bhubaneswar; 内洛尔 Nellore;
    海得拉巴 Hyderabad; 维杰亚瓦达 Vijayawada; 维沙卡帕特南 Visakhapatnam; 翁戈尔 Ongole; 德里 Delhi; 新德里 New Delhi; 斋浦尔 Jaipur;
    卢迪亚纳 Ludhiana; 三联市 Tricity; 英帕尔 Imphal; 潘吉姆 Panaji; 瓦斯科 Vasco da Gama; 斯利那加 Srinagar; 查谟 Jammu; 西隆 Shillong;
    巴特那 Patna; 哥印拜陀 Coimbatore; 钦奈 Chennai; 马杜赖 Madurai; 阿加尔塔拉 Agartala; 艾藻尔 Aizawl; 加尔各答 Kolkata; 兰契 Ranchi;
    詹谢普尔 Jamshedpur; 锡尔瓦萨 Silvassa; 达曼 Daman; 科希马 Kohima; 迪马布尔 Dimapur; 甘托克 Gangtok; 第斯普尔 Dispur; 高哈蒂 Guwahati;
    伊达纳格尔 Itanagar; 塔那 Thane; 孟买 Mumbai; 浦那 Pune; 纳西克 Nashik; 那格浦尔 Nagpur
  `,
  ID: `
    万丹 Banten; 东加里曼丹 East Kalimantan; 东努沙登加拉 East Nusa Tenggara; 东南苏拉威西 Southeast Sulawesi; 东爪哇 East Java;
    中加里曼丹 Central Kalimantan; 中爪哇 Central Java; 中苏拉威西 Central Sulawesi; 亚齐特区 Aceh; 北加里曼丹 North Kalimantan;
    北苏拉威西 North Sulawesi; 北苏门答腊 North Sumatra; 北马鲁古 North Maluku; 南加里曼丹 South Kalimantan; 南苏拉威西 South Sulawesi;
    南苏门答腊 South Sumatra; 占碑省 Jambi; 哥伦打洛 Gorontalo; 大雅加达 Greater Jakarta; 巴厘省 Bali; 巴布亚 Papua; 廖内省 Riau;
    廖内群岛 Riau Islands; 日惹特区 Yogyakarta; 明古鲁 Bengkulu; 楠榜省 Lampung; 西加里曼丹 West Kalimantan; 西努沙登加拉 West Nusa Tenggara;
    西巴布亚 West Papua; 西爪哇 West Java; 西苏拉威西 West Sulawesi; 西苏门答腊 West Sumatra; 邦加勿里洞 Bangka Belitung; 马鲁古 Maluku; 西冷 Serang;
    三马林达 Samarinda; 巴厘巴板 Balikpapan; 古邦 Kupang; 肯达里 Kendari; 泗水 Surabaya; 玛琅 Malang; 帕朗卡拉亚 Palangka Raya; 三宝垄 Semarang;
    梭罗 Surakarta; 帕卢 Palu; 班达亚齐 Banda Aceh; 万鸦老 Manado; 棉兰 Medan; 马辰 Banjarmasin; 望加锡 Makassar; 巨港 Palembang; 占碑 Jambi;
    雅加达 Jakarta; 登巴萨 Denpasar; 查亚普拉 Jayapura; 北干巴鲁 Pekanbaru; 丹戎槟榔 Tanjungpinang; 巴淡岛 Batam; 日惹 Yogyakarta;
    班达楠榜 Bandar Lampung; 坤甸 Pontianak; 马塔兰 Mataram; 索龙 Sorong; 马诺夸里 Manokwari; 万隆 Bandung; 勿加泗 Bekasi; 德波 Depok;
    普哇加达 Purwakarta; 茂物 Bogor; 巴东 Padang; 安汶 Ambon
  `,
  BR: `
    圣保罗 São Paulo; 巴鲁埃里 Barueri
  `,
  DE: `
    慕尼黑 Munich; 柏林 Berlin; 法兰克福 Frankfurt; 黑森 Hesse
  `,
  IT: `
    米兰 Milan; 罗马 Rome
  `,
  CZ: `
    布拉格 Prague
  `,
  BN: `
    穆阿拉 Muara
  `,
  JP: `
    三重县 Mie; 东京都 Tokyo; 丰田 Toyota; 五所川原 Goshogawara; 京都府 Kyoto; 会津若松 Aizuwakamatsu; 佐贺县 Saga; 八王子 Hachioji; 兵库县 Hyogo;
    冈山县 Okayama; 冲绳县 Okinawa; 别府 Beppu; 北海道 Hokkaido; 千叶县 Chiba; 名古屋 Nagoya; 和歌山县 Wakayama; 四日市 Yokkaichi; 埼玉县 Saitama;
    堺 Sakai; 大分县 Oita; 大津 Otsu; 大阪府 Osaka; 奈良县 Nara; 姬路 Himeji; 宫城县 Miyagi; 宫崎县 Miyazaki; 富士 Fuji; 富山县 Toyama;
    寝屋川 Neyagawa; 山口县 Yamaguchi; 山梨县 Yamanashi; 山行县 Yamagata; 岐阜县 Gifu; 岛根县 Shimane; 岩手县 Iwate; 川崎 Kawasaki; 川越 Kawagoe;
    广岛县 Hiroshima; 德岛县 Tokushima; 新泻县 Niigata; 旭川 Asahikawa; 松山 Matsuyama; 松本 Matsumoto; 松江 Matsue; 栃木县 Tochigi; 横滨 Yokohama;
    津 Tsu; 滋贺县 Shiga; 滨松 Hamamatsu; 熊本县 Kumamoto; 爱媛县 Ehime; 爱知县 Aichi; 甲府 Kofu; 石卷 Ishinomaki; 石川县 Ishikawa;
    神奈川县 Kanagawa; 福井县 Fukui; 福冈县 Fukuoka; 福山 Fukuyama; 福岛县 Fukushima; 秋田县 Akita; 群马县 Gunma; 花卷 Hanamaki; 茨城县 Ibaraki;
    那霸 Naha; 长冈 Nagaoka; 长崎县 Nagasaki; 长野县 Nagano; 长门 Nagato; 青森县 Aomori; 静冈县 Shizuoka; 香川县 Kagawa; 高知县 Kochi;
    鸟取县 Tottori; 鹤冈 Tsuruoka; 鹿儿岛县 Kagoshima; 东京 Tokyo; 京都 Kyoto; 大阪 Osaka
  `,
  KH: `
    金边 Phnom Penh
  `,
  SA: `
    利雅得地区 Riyadh; 麦加地区 Mecca
  `,
  FR: `
    巴黎 Paris
  `,
  PL: `
    华沙 Warsaw
  `,
  TH: `
    乌汶府 Ubon Ratchathani; 乌泰他尼府 Uthai Thani; 乌隆府 Udon Thani; 佛丕府 Phetchaburi; 佛统府 Nakhon Pathom; 信武里府 Sing Buri;
    加拉信府 Kalasin; 北大年府 Pattani; 北柳府 Chachoengsao; 北标府 Saraburi; 北榄坡府 Nakhon Sawan; 北榄府 Samut Prakan; 北碧府 Kanchanaburi;
    华富里府 Lopburi; 南奔府 Lamphun; 南邦府 Lampang; 博达伦府 Phatthalung; 叻丕府 Ratchaburi; 呵叻府 Nakhon Ratchasima; 四色菊府 Sisaket;
    夜丰颂府 Mae Hong Son; 夜功府 Samut Songkhram; 大城府 Ayutthaya; 孔敬府 Khon Kaen; 安纳乍能府 Amnat Charoen; 宋卡府 Songkhla;
    尖竹汶府 Chanthaburi; 巴吞他尼府 Pathum Thani; 巴真府 Prachinburi; 巴蜀府 Prachuap Khiri Khan; 帕尧府 Phayao; 帕府 Phrae; 廊开府 Nong Khai;
    廊磨喃蒲府 Nong Bua Lamphu; 彭世洛府 Phitsanulok; 惹拉府 Yala; 披集府 Phichit; 拉农府 Ranong; 攀牙府 Phang Nga; 春武里府 Chonburi;
    春蓬府 Chumphon; 普吉府 Phuket; 暖武里府 Nonthaburi; 曼谷 Bangkok; 武里南府 Buriram; 汶干府 Bueng Kan; 沙敦府 Satun; 沙缴府 Sa Kaeo;
    洛坤府 Nakhon Si Thammarat; 清莱府 Chiang Rai; 清迈府 Chiang Mai; 猜也奔府 Chaiyaphum; 猜那府 Chai Nat; 玛哈沙拉堪府 Maha Sarakham;
    甘烹碧府 Kamphaeng Phet; 甲米府 Krabi; 益梭通府 Yasothon; 碧差汶府 Phetchabun; 程逸府 Uttaradit; 素可泰府 Sukhothai; 素叻府 Surat Thani;
    素攀武里府 Suphan Buri; 素辇府 Surin; 红统府 Ang Thong; 罗勇府 Rayong; 色军府 Sakon Nakhon; 莫达汉府 Mukdahan; 董里府 Trang; 达叻府 Trat;
    达府 Tak; 那空帕农府 Nakhon Phanom; 那空那育府 Nakhon Nayok; 陶公府 Narathiwat; 难府 Nan; 黎府 Loei; 黎逸府 Roi Et; 龙仔厝府 Samut Sakhon
  `,
  AU: `
    北领地 Northern Territory; 南澳大利亚 South Australia; 塔斯马尼亚 Tasmania; 新南威尔士 New South Wales; 昆士兰 Queensland;
    澳大利亚首都领地 Australian Capital Territory; 维多利亚 Victoria; 西澳大利亚 Western Australia; 达尔文 Darwin; 阿德莱德 Adelaide; 霍巴特 Hobart;
    伍伦贡 Wollongong; 悉尼 Sydney; 纽卡斯尔 Newcastle; 凯恩斯 Cairns; 图文巴 Toowoomba; 布里斯班 Brisbane; 汤斯维尔 Townsville;
    阳光海岸 Sunshine Coast; 麦凯 Mackay; 黄金海岸 Gold Coast; 堪培拉 Canberra; 吉朗 Geelong; 墨尔本 Melbourne; 珀斯 Perth
  `,
  SE: `
    斯德哥尔摩 Stockholm
  `,
  RO: `
    布加勒斯特 Bucharest
  `,
  US: `
    亚利桑那 Arizona; 亚拉巴马 Alabama; 伊利诺伊 Illinois; 佐治亚 Georgia; 佛罗里达 Florida; 佛蒙特 Vermont; 俄亥俄 Ohio; 俄克拉何马 Oklahoma;
    俄勒冈 Oregon; 内华达 Nevada; 内布拉斯加 Nebraska; 加利福尼亚 California; 北卡罗来纳 North Carolina; 北达科他 North Dakota; 华盛顿 Washington;
    华盛顿特区 Washington, D.C.; 南加利福尼亚 Southern California; 南卡罗来纳 South Carolina; 南达科他 South Dakota; 印第安纳 Indiana; 堪萨斯 Kansas;
    夏威夷 Hawaii; 威斯康星 Wisconsin; 宾夕法尼亚 Pennsylvania; 密歇根 Michigan; 密苏里 Missouri; 密西西比 Mississippi; 康涅狄格 Connecticut;
    弗吉尼亚 Virginia; 德克萨斯 Texas; 怀俄明 Wyoming; 新墨西哥 New Mexico; 新泽西 New Jersey; 新罕布什尔 New Hampshire; 明尼苏达 Minnesota;
    爱达荷 Idaho; 特拉华 Delaware; 犹他 Utah; 田纳西 Tennessee; 科罗拉多 Colorado; 纽约 New York; 缅因 Maine; 罗得岛 Rhode Island; 肯塔基 Kentucky;
    艾奥瓦 Iowa; 蒙大拿 Montana; 西弗吉尼亚 West Virginia; 路易斯安那 Louisiana; 阿拉斯加 Alaska; 阿肯色 Arkansas; 马萨诸塞 Massachusetts;
    马里兰 Maryland; 凤凰城 Phoenix; 特洛伊 Troy; 蒙哥马利 Montgomery; 内珀维尔 Naperville; 斯普林菲尔德 Springfield; 芝加哥 Chicago;
    亚特兰大 Atlanta; 塔拉哈西 Tallahassee; 迈阿密 Miami; 蒙彼利埃 Montpelier; 哥伦布 Columbus; 辛辛那提 Cincinnati; 俄克拉何马城 Oklahoma City;
    塞勒姆 Salem; 卡森城 Carson City; 拉斯维加斯 Las Vegas; 林肯 Lincoln; 佛列斯诺 Fresno; 史托克顿 Stockton; 圣何塞 San Jose; 圣克拉拉 Santa Clara;
    圣加夫列夫尔 San Gabriel; 圣地亚哥 San Diego; 圣安那 Santa Ana; 圣莫尼卡 Santa Monica; 圣费尔南多 San Fernando; 大熊湖 Big Bear Lake;
    奥克兰 Oakland; 好莱坞 Hollywood; 安那罕 Anaheim; 尤凯亚 Ukiah; 尤里卡 Eureka; 山景 Mountain View; 帕罗奥多 Palo Alto; 帕萨迪纳 Pasadena;
    库比蒂诺 Cupertino; 康普顿 Compton; 托兰斯 Torrance; 斑鸠城 Turlock; 旧金山 San Francisco; 柔似蜜 Rosemead; 森尼韦尔 Sunnyvale; 波莫纳 Pomona;
    科斯塔梅萨 Costa Mesa; 红木城 Redwood City; 萨克拉门托 Sacramento; 蒙特利 Monterey; 贝克斯菲尔德 Bakersfield; 费利蒙 Fremont; 长滩 Long Beach;
    阿罕布拉 Alhambra; 马利布 Malibu; 夏洛特 Charlotte; 纳罗利 Raleigh; 俾斯麦 Bismarck; 塔科马 Tacoma; 奥林匹亚 Olympia; 西雅图 Seattle;
    雷德蒙德 Redmond; 圣贝纳迪诺 San Bernardino; 奥兰治 Orange; 洛杉矶 Los Angeles; 皮尔 Pierre; 印第安纳波利斯 Indianapolis; 托皮卡 Topeka;
    檀香山 Honolulu; 麦迪逊 Madison; 哈里斯堡 Harrisburg; 费城 Philadelphia; 兰辛 Lansing; 底特律 Detroit; 哥伦比亚 Columbia; 圣路易斯 St. Louis;
    堪萨斯城 Kansas City; 杰斐逊城 Jefferson City; 杰克逊 Jackson; 哈特福德 Hartford; 里士满 Richmond; 阿什本 Ashburn; 休斯顿 Houston; 奥斯汀 Austin;
    达拉斯 Dallas; 夏延 Cheyenne; 里弗顿 Riverton; 圣菲 Santa Fe; 特伦顿 Trenton; 康科德 Concord; 汉诺威 Hanover; 圣保罗 Saint Paul;
    明尼阿波利斯 Minneapolis; 博伊西 Boise; 多佛 Dover; 盐湖城 Salt Lake City; 纳什维尔 Nashville; 丹佛 Denver; 利特尔顿 Littleton; 霍利奥克 Holyoke;
    奥尔巴尼 Albany; 奥古斯塔 Augusta; 波特兰 Portland; 普罗维登斯 Providence; 法兰克福 Frankfort; 得梅因 Des Moines; 海伦娜 Helena;
    查尔斯顿 Charleston; 巴吞鲁日 Baton Rouge; 新奥尔良 New Orleans; 安克雷奇 Anchorage; 朱诺 Juneau; 小石城 Little Rock; 波士顿 Boston;
    安纳波利斯 Annapolis
  `,
  GB: `
    伦敦 London; 北爱尔兰 Northern Ireland
  `,
  NL: `
    北荷兰 North Holland; 阿姆斯特丹 Amsterdam
  `,
  PH: `
    三宝颜锡布格省 Zamboanga Sibugay; 三描礼士省 Zambales; 东内格罗省 Negros Oriental; 东米萨米斯省 Misamis Oriental; 东萨马省 Eastern Samar;
    东达沃省 Davao Oriental; 伊富高省 Ifugao; 伊洛伊洛省 Iloilo; 保和省 Bohol; 八打雁省 Batangas; 内湖省 Laguna; 北三宝颜省 Zamboanga del Norte;
    北伊罗戈省 Ilocos Norte; 北拉瑙省 Lanao del Norte; 北甘马粦省 Camarines Norte; 北苏里高省 Surigao del Norte; 北萨马省 Northern Samar;
    北达沃省 Davao del Norte; 北阿古桑省 Agusan del Norte; 南三宝颜省 Zamboanga del Sur; 南伊罗戈省 Ilocos Sur; 南哥打巴托省 South Cotabato;
    南甘马粦省 Camarines Sur; 南苏里高省 Surigao del Sur; 南达沃省 Davao del Sur; 南阿古桑省 Agusan del Sur; 卡加烟省 Cagayan;
    卡坦端内斯省 Catanduanes; 卡林阿省 Kalinga; 卡皮斯省 Capiz; 哥打巴托省 Cotabato; 奎松省 Quezon; 奥罗拉省 Aurora; 安蒂克省 Antique; 宿雾省 Cebu;
    巴丹省 Bataan; 巴拉望省 Palawan; 巴西兰省 Basilan; 布基农省 Bukidnon; 布拉干省 Bulacan; 帕西格 Pasig; 康波斯特拉谷省 Compostela Valley;
    拉允隆省 La Union; 新怡诗夏省 Nueva Ecija; 朗布隆省 Romblon; 本格特省 Benguet; 民都洛省 Mindoro; 甲米地省 Cavite; 索索贡省 Sorsogon;
    苏丹库达拉省 Sultan Kudarat; 苏禄省 Sulu; 莱特省 Leyte; 萨兰加尼省 Sarangani; 萨马省 Samar; 西内格罗省 Negros Occidental;
    西米萨米斯省 Misamis Occidental; 达沃省 Davao; 邦板牙省 Pampanga; 邦阿西楠省 Pangasinan; 锡基霍尔省 Siquijor; 阿克兰省 Aklan; 阿尔拜省 Albay;
    马京达瑙省 Maguindanao; 马尼拉 Manila; 马斯巴特省 Masbate; 马林杜克省 Marinduque; 黎刹省 Rizal
  `,
  MN: `
    乌兰巴托 Ulaanbaatar
  `,
  ES: `
    马德里 Madrid
  `,
  VN: `
    东塔省 Dong Thap; 义安省 Nghe An; 兴安省 Hung Yen; 前江省 Tien Giang; 北乾省 Bac Kan; 北宁省 Bac Ninh; 北江省 Bac Giang; 南定省 Nam Dinh;
    南广平 Quang Binh; 同奈省 Dong Nai; 后江省 Hau Giang; 和平省 Hoa Binh; 哈南省 Ha Nam; 嘉莱省 Gia Lai; 坚江省 Kien Giang; 多乐省 Dak Lak;
    多农省 Dak Nong; 太原省 Thai Nguyen; 太平省 Thai Binh; 奠边省 Dien Bien; 宁平省 Ninh Binh; 宁顺省 Ninh Thuan; 安江省 An Giang; 安沛省 Yen Bai;
    宣光省 Tuyen Quang; 富安省 Phu Yen; 富寿省 Phu Tho; 山萝省 Son La; 岘港市 Da Nang; 巴地斗顿 Ba Ria-Vung Tau; 平定省 Binh Dinh; 平福省 Binh Phuoc;
    平阳省 Binh Duong; 平顺省 Binh Thuan; 广义省 Quang Ngai; 广南省 Quang Nam; 广宁省 Quang Ninh; 广治省 Quang Tri; 庆和省 Khanh Hoa; 昆嵩省 Kon Tum;
    朔庄省 Soc Trang; 林同省 Lam Dong; 槟知省 Ben Tre; 永富省 Vinh Phuc; 永隆省 Vinh Long; 河内 Hanoi; 河江省 Ha Giang; 河静省 Ha Tinh;
    海防市 Hai Phong; 海阳省 Hai Duong; 清化省 Thanh Hoa; 老街省 Lao Cai; 胡志明 Ho Chi Minh City; 芹苴市 Can Tho; 茶荣省 Tra Vinh; 莱洲省 Lai Chau;
    薄寮省 Bac Lieu; 西宁省 Tay Ninh; 谅山省 Lang Son; 金瓯省 Ca Mau; 隆安省 Long An; 顺化省 Hue; 高平省 Cao Bang
  `,
  OM: `
    马斯喀特 Muscat
  `,
  AE: `
    富吉拉 Fujairah; 迪拜 Dubai
  `,
  KR: `
    首尔 Seoul
  `,
  MY: `
    吉兰丹 Kelantan; 吉打州 Kedah; 吉隆坡 Kuala Lumpur; 布城 Putrajaya; 彭亨州 Pahang; 柔佛州 Johor; 森美兰 Negeri Sembilan; 槟州 Penang;
    沙巴州 Sabah; 玻璃市 Perlis; 甲洞 Kepong; 登嘉楼 Terengganu; 砂拉越州 Sarawak; 纳闽 Labuan; 雪兰莪 Selangor; 霹雳州 Perak; 马六甲 Malacca;
    赛城 Cyberjaya
  `,
} satisfies Places
