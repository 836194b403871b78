<?xml version="1.0" encoding="UTF-8"?>
<tileset version="1.10" tiledversion="1.10.2" name="terrain" tilewidth="16" tileheight="24" spacing="2" margin="1" tilecount="6" columns="3">
 <image source="../art/terrain.png" width="54" height="52"/>
</tileset>
